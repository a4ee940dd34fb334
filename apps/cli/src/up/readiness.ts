import type { NodeCollectors } from "@weir/collector";
import { type RunState, watchRunDirectory } from "@weir/identity";

/** How long the collectors have to attach to what is there at the start. */
const attachTimeoutMs = 20_000;
const pollMs = 50;

/** Waits until every workload's interface on this machine is watched, for a bounded time. */
export async function allAttached(
  runDirectory: string,
  collectors: NodeCollectors,
  signal: AbortSignal,
): Promise<{ interfaces: number; missing: number }> {
  let state: RunState = { nodes: [], endpoints: [] };
  const watch = watchRunDirectory(runDirectory, {
    onState: (seen) => (state = seen),
    onError: () => undefined,
  });
  await watch.ready;
  try {
    const deadline = performance.now() + attachTimeoutMs;
    for (;;) {
      const interfaces = attachedCount(collectors);
      const missing = Math.max(state.endpoints.length - interfaces, 0);
      const nodesMissing = state.nodes.length > collectors.collectors.length;
      const isDone = missing === 0 && !nodesMissing;
      if (isDone || performance.now() > deadline || signal.aborted) return { interfaces, missing };
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    await watch.close();
  }
}

function attachedCount(collectors: NodeCollectors): number {
  return collectors.collectors.reduce((sum, one) => sum + one.status().attached.length, 0);
}
