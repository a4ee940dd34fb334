import { hostname } from "node:os";
import { announceCollectors, watchRunDirectory, withdrawCollectors } from "@weir/identity";
import type { RunDirectoryWatch } from "@weir/identity";
import type { Collector, CollectorDoors } from "./collector.ts";
import { startCollector } from "./collector.ts";
import type { CollectorConfig } from "./config.ts";
import { createTurns } from "./turns.ts";
import type { Turns } from "./turns.ts";

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
  const running = new RunningCollectors(config, doors);
  try {
    await running.start();
  } catch (error) {
    // Whoever asked has nothing to stop them with.
    await running.stop();
    throw error;
  }
  return running;
}

class RunningCollectors implements NodeCollectors {
  readonly #config: CollectorConfig;
  readonly #doors: CollectorDoors;
  readonly #running = new Map<string, Collector>();
  readonly #failed = new Map<string, string>();
  readonly #turns: Turns;
  readonly #own: string[];
  readonly #retry: NodeJS.Timeout;
  #watch: RunDirectoryWatch | undefined;
  #nodesThere: string[] = [];
  /** The round that the first look at the folder began. */
  #first: Promise<void> | undefined;
  #isStopping = false;

  constructor(config: CollectorConfig, doors: CollectorDoors) {
    this.#config = config;
    this.#doors = doors;
    this.#turns = createTurns((error) => this.#notFollowed(error));
    this.#own = config.interfaces === "none" ? [] : [config.node || hostname()];
    // What was in the way may be gone, and no file tells of that.
    this.#retry = setInterval(() => {
      if (this.#failed.size > 0) this.#turns.addUnlessWaiting(() => this.#follow());
    }, config.rescanIntervalMs);
  }

  get collectors(): Collector[] {
    return [...this.#running.values()];
  }

  async start(): Promise<void> {
    const { runDirectory, rescanIntervalMs } = this.#config;
    this.#announce();
    this.#watch = watchRunDirectory(
      runDirectory,
      {
        onState: ({ nodes }) => this.#onNodes(nodes.map((one) => one.node)),
        onError: (error, path) => this.#doors.log.warn({ error, path }, "cannot read this file"),
      },
      { rescanMs: rescanIntervalMs },
    );
    await this.#watch.ready;
    await this.#first;
  }

  async stop(options?: { detach?: boolean }): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#retry);
    this.#withdraw();
    await this.#watch?.close();
    await this.#turns.add(() => Promise.resolve());
    await Promise.all(this.collectors.map((one) => one.stop(options)));
    this.#running.clear();
  }

  #onNodes(nodes: string[]): void {
    this.#nodesThere = nodes;
    const round = this.#turns.add(() => this.#follow());
    this.#first ??= round;
    round.catch((error: unknown) => this.#notFollowed(error));
  }

  #notFollowed(error: unknown): void {
    this.#doors.log.error({ error }, "nodes could not be followed");
  }

  async #follow(): Promise<void> {
    if (this.#isStopping) return;
    const wanted = new Set([...this.#own, ...this.#nodesThere]);
    for (const [node, collector] of this.#running) {
      if (wanted.has(node)) continue;
      this.#running.delete(node);
      await collector.stop({ detach: true });
    }
    for (const node of wanted) if (!this.#running.has(node)) await this.#start(node);
    for (const node of this.#failed.keys()) if (!wanted.has(node)) this.#failed.delete(node);
  }

  async #start(node: string): Promise<void> {
    const { pinDirectory: _ofOne, ...rest } = this.#config;
    // The machine's own interfaces belong to one of them only.
    const interfaces = this.#own.includes(node) ? rest.interfaces : "none";
    try {
      this.#running.set(node, await startCollector({ ...rest, node, interfaces }, this.#doors));
      if (this.#failed.delete(node)) this.#announce();
    } catch (error) {
      this.#noteFailure(node, error as Error);
      this.#announce();
    }
  }

  /** The same is said once, however often it is tried. */
  #noteFailure(node: string, error: Error): void {
    if (this.#failed.get(node) !== error.message)
      this.#doors.log.error({ error, node }, "this node is not watched");
    this.#failed.set(node, error.message);
  }

  /** Whoever wires pods waits for the collectors of nodes that are still to come. */
  #announce(): void {
    try {
      announceCollectors(this.#config.runDirectory, [...this.#failed.keys()]);
    } catch (error) {
      const what = "whoever wires pods cannot be told that collectors come";
      this.#doors.log.warn({ error }, what);
    }
  }

  #withdraw(): void {
    try {
      withdrawCollectors(this.#config.runDirectory);
    } catch (error) {
      this.#doors.log.warn({ error }, "whoever wires pods cannot be told that collectors go");
    }
  }
}
