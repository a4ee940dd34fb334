import { hostname } from "node:os";
import { announceCollectors, watchRunDirectory, withdrawCollectors } from "@weir/identity";
import type { Log } from "@weir/runtime";
import type { Collector, CollectorDoors } from "./collector.ts";
import { startCollector } from "./collector.ts";
import type { CollectorConfig } from "./config.ts";
import { createTurns } from "./turns.ts";

/** A collector for each node that lives on this machine. */
export interface NodeCollectors {
  readonly collectors: Collector[];
  stop(options?: { detach?: boolean }): Promise<void>;
}

/**
 * Follows `<run>/nodes`: a collector for each node there, and one for the machine itself where
 * `interfaces` asks for its own. Nodes that go take their collector, with all it had, along.
 * Resolves when those that are there now watch, or could not be made to, which is tried again.
 * `config.node` names the machine itself.
 */
export async function startNodeCollectors(
  config: CollectorConfig,
  doors: CollectorDoors,
): Promise<NodeCollectors> {
  const running = new Map<string, Collector>();
  const failed = new Map<string, string>();
  const turns = createTurns((error) => doors.log.error({ error }, "nodes could not be followed"));
  const own = config.interfaces === "none" ? [] : [config.node || hostname()];
  let isStopping = false;
  const announce = (): void => announceAll(config, doors, [...failed.keys()]);
  let nodesThere: string[] = [];
  announce();

  const start = async (node: string): Promise<void> => {
    const { pinDirectory: _ofOne, ...rest } = config;
    // The machine's own interfaces belong to one of them only.
    const interfaces = own.includes(node) ? config.interfaces : "none";
    try {
      running.set(node, await startCollector({ ...rest, node, interfaces }, doors));
      if (failed.delete(node)) announce();
    } catch (error) {
      noteFailure(failed, node, error as Error, doors.log);
      announce();
    }
  };

  const follow = async (): Promise<void> => {
    if (isStopping) return;
    const wanted = new Set([...own, ...nodesThere]);
    for (const [node, collector] of running) {
      if (wanted.has(node)) continue;
      running.delete(node);
      await collector.stop({ detach: true });
    }
    for (const node of wanted) if (!running.has(node)) await start(node);
    for (const node of failed.keys()) if (!wanted.has(node)) failed.delete(node);
  };

  // What was in the way may be gone, and no file tells of that.
  const retry = setInterval(() => {
    if (failed.size > 0) turns.addUnlessWaiting(follow);
  }, config.rescanIntervalMs);
  let first: Promise<void> | undefined;
  const watch = watchRunDirectory(
    config.runDirectory,
    {
      onState({ nodes }) {
        nodesThere = nodes.map((one) => one.node);
        const round = turns.add(follow);
        first ??= round;
        round.catch((error: unknown) => doors.log.error({ error }, "nodes could not be followed"));
      },
      onError: (error, path) => doors.log.warn({ error, path }, "cannot read this file"),
    },
    { rescanMs: config.rescanIntervalMs },
  );
  await watch.ready;
  await first;
  return {
    get collectors() {
      return [...running.values()];
    },
    async stop(options) {
      isStopping = true;
      clearInterval(retry);
      withdrawCollectors(config.runDirectory);
      await watch.close();
      await turns.add(() => Promise.resolve());
      await Promise.all([...running.values()].map((one) => one.stop(options)));
      running.clear();
    },
  };
}

/** The same is said once, however often it is tried. */
function noteFailure(failed: Map<string, string>, node: string, error: Error, log: Log): void {
  if (failed.get(node) !== error.message) log.error({ error, node }, "this node is not watched");
  failed.set(node, error.message);
}

/** Whoever wires pods waits for the collectors of nodes that are still to come. */
function announceAll(config: CollectorConfig, doors: CollectorDoors, failed: string[]): void {
  try {
    announceCollectors(config.runDirectory, failed);
  } catch (error) {
    doors.log.warn({ error }, "whoever wires pods cannot be told that collectors come");
  }
}
