import { askAgent } from "./agent-client.ts";
import { findLab } from "./find-pod.ts";
import { defaultRunDirectory, podPaths } from "./run-directory.ts";
import type { WorkloadCounts } from "./workload/counts.ts";

const COUNTS_TIMEOUT_MS = 10_000;

/** How each pod's calls went since it was started, by `namespace/pod`. */
export async function labCounts(
  options: { name?: string; runDirectory?: string } = {},
): Promise<Record<string, WorkloadCounts>> {
  const runDirectory = options.runDirectory ?? defaultRunDirectory();
  const lab = findLab(runDirectory, options.name);
  const entries = await Promise.all(
    lab.pods.map(async (pod) => {
      const { socket } = podPaths(runDirectory, lab.lab, pod.cgroupId);
      const { counts } = await askAgent(socket, { op: "counts" }, COUNTS_TIMEOUT_MS);
      return [`${pod.namespace}/${pod.name}`, counts] as const;
    }),
  );
  return Object.fromEntries(entries);
}
