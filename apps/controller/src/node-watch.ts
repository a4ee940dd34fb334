import { topics } from "@weir/bus";
import type { Bus, TableReader } from "@weir/bus";
import { nodeReportCodec } from "@weir/codec";
import type { NodeReport } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";
import type { Confirmation } from "./endpoint-gate.ts";

export interface NodeWatchOptions {
  bus: Bus;
  log: Log;
  counters: PartCounters;
  /** A node that has not reported for this long counts as gone. */
  staleMs: number;
  onReport(report: NodeReport): void;
}

/** What the nodes say that they hold. */
export class NodeWatch implements Confirmation {
  readonly #heard = new Map<string, { report: NodeReport; heardMs: number }>();
  readonly #options: NodeWatchOptions;
  #reader: TableReader | undefined;
  #isCaughtUp = false;

  constructor(options: NodeWatchOptions) {
    this.#options = options;
  }

  /** Resolves when all that the topic held is read. */
  async start(): Promise<void> {
    const { bus, log } = this.#options;
    this.#reader = await bus.readTable({
      topic: topics.nodes.name,
      onRecord: (key, value, message) => this.#hear(key, value, message.timestampMs),
      onError: (error) => log.warn({ error }, "the reports of the nodes are interrupted"),
    });
    await this.#reader.caughtUp;
    this.#isCaughtUp = true;
  }

  confirmed(revision: number): boolean {
    return this.#live().every((report) => report.revision >= revision);
  }

  /** The highest revision that any node ever said it holds. */
  get revision(): number {
    return [...this.#heard.values()].reduce(
      (most, { report }) => Math.max(most, report.revision),
      0,
    );
  }

  get generation(): number {
    return [...this.#heard.values()].reduce(
      (most, { report }) => Math.max(most, report.generation),
      0,
    );
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  #live(): NodeReport[] {
    const since = Date.now() - this.#options.staleMs;
    return [...this.#heard.values()]
      .filter(({ heardMs }) => heardMs > since)
      .map(({ report }) => report);
  }

  #hear(key: string, value: Uint8Array | null, timestampMs: number): void {
    const { log, counters } = this.#options;
    counters.received();
    if (value === null) {
      this.#heard.delete(key);
      return;
    }
    try {
      const report = nodeReportCodec.decode(value);
      const now = Date.now();
      // What lay there before this process started is as old as it says; a node's clock may be wrong.
      const heardMs = this.#isCaughtUp ? now : Math.min(now, timestampMs);
      this.#heard.set(key, { report, heardMs });
      this.#options.onReport(report);
    } catch (error) {
      counters.error("malformed");
      log.warn({ error, key }, "a node's report cannot be read; it is left out");
    }
  }
}
