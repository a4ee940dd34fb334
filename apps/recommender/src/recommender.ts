import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { startFunction } from "@weir/functions";
import type { RunningFunction } from "@weir/functions";
import { workloadCluster } from "@weir/identity";
import { observedEdges, recommend } from "@weir/policy";
import { edgesQuery } from "@weir/query";
import type { EdgeRow } from "@weir/query";
import { createMetrics, version } from "@weir/runtime";
import type { Health, Log, Metrics, PartCounters } from "@weir/runtime";
import type { Store } from "@weir/store";
import type { RecommenderConfig } from "./config.ts";
import suggest from "./functions/suggest.ts";
import { Pace } from "./pace.ts";
import { SuggestionBook } from "./suggestion-book.ts";
import { WorkloadTable } from "./workload-table.ts";

export interface RecommenderDoors {
  bus: Bus;
  /** Migrated. */
  store: Store;
  log: Log;
  metrics?: Metrics;
  health?: Health;
}

export interface RecommenderStatus {
  /** Workloads with a suggestion on the topic. */
  suggestions: number;
  /** Why the last reading failed; it is tried again, and the old suggestions stay. */
  trouble: string | undefined;
  /** Readings since the start, failed ones included. */
  runs: number;
}

export interface Recommender extends AsyncDisposable {
  readonly metrics: Metrics;
  status(): RecommenderStatus;
  /** Idempotent. What was suggested stays on the topic. Closes neither bus nor store. */
  stop(): Promise<void>;
}

class RunningRecommender implements Recommender {
  readonly metrics: Metrics;
  readonly #config: RecommenderConfig;
  readonly #doors: RecommenderDoors;
  readonly #counters: PartCounters;
  readonly #workloads: WorkloadTable;
  readonly #book: SuggestionBook;
  readonly #pace: Pace;
  readonly #closers: (() => Promise<void> | void)[] = [];
  #function: RunningFunction | undefined;
  #trouble: string | undefined;
  #runs = 0;
  #stopping: Promise<void> | undefined;

  constructor(config: RecommenderConfig, doors: RecommenderDoors) {
    this.metrics = doors.metrics ?? createMetrics("recommender");
    this.#config = config;
    this.#doors = doors;
    this.#counters = this.metrics.part("suggest");
    this.#workloads = new WorkloadTable(
      config.maxWorkloads,
      doors.log,
      this.metrics.part("workloads"),
    );
    this.#book = new SuggestionBook(config);
    const { settleMs, minIntervalMs } = config;
    this.#pace = new Pace({ settleMs, minIntervalMs, run: () => this.#run() });
  }

  async start(): Promise<void> {
    const { bus, log, health } = this.#doors;
    await bus.ensureTopics(Object.values(topics));
    const table = await this.#workloads.follow(bus);
    this.#closers.push(() => table.close());
    const suggestions = await bus.readTable({
      topic: topics.suggestions.name,
      onRecord: (key, value) => this.#remember(key, value),
    });
    this.#closers.push(() => suggestions.close());
    await Promise.all([table.caughtUp, suggestions.caughtUp]);
    this.#function = await startFunction(suggest, {
      bus,
      services: { signal: () => this.#pace.signal() },
      log,
      metrics: this.metrics,
      group: `${this.#config.group}.${suggest.name}`,
      stopTimeoutMs: this.#config.stopTimeoutMs,
    });
    if (health !== undefined) {
      const detail = (): string => this.#trouble ?? `${this.#book.size} suggestions`;
      this.#closers.push(
        health.check("suggest", () => ({ ok: this.#trouble === undefined, detail: detail() })),
      );
    }
  }

  #remember(key: string, value: Uint8Array | null): void {
    try {
      this.#book.remember(key, value);
    } catch (error) {
      this.#counters.dropped("malformed");
      this.#doors.log.warn({ error, key }, "a suggestion that cannot be read is written anew");
    }
  }

  async #run(): Promise<boolean> {
    this.#runs += 1;
    try {
      await this.#suggest();
      if (this.#trouble !== undefined) this.#doors.log.info({}, "suggesting again");
      this.#trouble = undefined;
      return true;
    } catch (error) {
      this.#counters.error("run");
      this.#trouble = `suggesting fails: ${error instanceof Error ? error.message : String(error)}`;
      this.#doors.log.warn(
        { error },
        "the history cannot be read; old suggestions stay, and it is tried again",
      );
      return false;
    }
  }

  async #suggest(): Promise<void> {
    const { bus, store, log } = this.#doors;
    const nowMs = Date.now();
    const from = (nowMs - this.#config.windowMs) * 1000;
    const until = nowMs * 1000;
    const { sql, parameters } = edgesQuery({ since: from, until });
    const rows = await store.query<EdgeRow>(sql, { parameters, limits: this.#config.query });
    const cluster = workloadCluster(this.#workloads.current());
    const recommendations = recommend(observedEdges(rows), cluster, {
      from,
      until,
      generator: `weir ${version}`,
      scan: this.#config.scan,
    });
    const messages = this.#book.changes(recommendations, from, nowMs);
    if (messages.length > 0) await bus.send(topics.suggestions.name, messages);
    this.#counters.sent(messages.length);
    this.metrics.gauge("edges", "Edges of the last reading.").set(rows.length);
    log.debug({ edges: rows.length, changed: messages.length }, "history read");
  }

  status(): RecommenderStatus {
    return { suggestions: this.#book.size, trouble: this.#trouble, runs: this.#runs };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#function?.stop();
    await this.#pace.stop(this.#config.stopTimeoutMs);
    for (const close of this.#closers.splice(0)) await close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Starts the station: resolves when it knows who there is and what it suggested before. */
export async function startRecommender(
  config: RecommenderConfig,
  doors: RecommenderDoors,
): Promise<Recommender> {
  const running = new RunningRecommender(config, doors);
  try {
    await running.start();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}
