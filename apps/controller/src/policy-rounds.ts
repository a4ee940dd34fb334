import type { PolicyDelta } from "@weir/codec";
import type { BoundedCounter, BoundedHistogram, Log, Metrics, PartCounters } from "@weir/runtime";
import type { DocumentError } from "./document.ts";
import type { Events } from "./events.ts";
import type { PolicyBook } from "./policy-book.ts";
import type { PolicyPublisher } from "./policy-publisher.ts";

export interface PolicyRoundsOptions {
  book: PolicyBook;
  publisher: PolicyPublisher;
  events: Events;
  log: Log;
  metrics: Metrics;
  snapshotEveryDeltas: number;
  snapshotIdleMs: number;
}

const stageBoundsSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2];

/** Brings the topic of policies to what the book says, one round at a time. */
export class PolicyRounds {
  readonly #options: PolicyRoundsOptions;
  readonly #counters: PartCounters;
  readonly #seconds: BoundedHistogram;
  readonly #unconfirmed: BoundedCounter;
  #countedUnconfirmed = 0;
  #told = new Set<string>();
  #idle: NodeJS.Timeout | undefined;

  constructor(options: PolicyRoundsOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#counters = metrics.part("policy");
    this.#seconds = metrics.histogram(
      "stage_seconds",
      "What a change of policy costs here, by stage.",
      stageBoundsSeconds,
      ["stage"],
    );
    this.#unconfirmed = metrics.counter(
      "endpoints_unconfirmed_total",
      "Pods opened though a node had not confirmed their addresses in time.",
    );
  }

  /** Publishes what differs. Rejects when that fails; the book knows. */
  async run(): Promise<void> {
    const { book, publisher } = this.#options;
    const began = performance.now();
    const delta = book.isStale ? book.draft(Date.now() * 1000) : undefined;
    this.#report(book.errors);
    if (delta === undefined) return;
    const compiled = performance.now();
    this.#seconds.observe((compiled - began) / 1000, { stage: "compile" });
    try {
      await publisher.publish(delta, () => book.after(delta));
    } catch (error) {
      // The number is that of the attempt, the tables are those of before: no snapshot of that.
      clearTimeout(this.#idle);
      book.wasNotPublished(delta);
      throw error;
    }
    this.#seconds.observe((performance.now() - compiled) / 1000, { stage: "publish" });
    this.#published(delta);
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#options.publisher.settled();
  }

  #published(delta: PolicyDelta): void {
    const { book, publisher, log, metrics, snapshotEveryDeltas, snapshotIdleMs } = this.#options;
    const before = book.published.generation;
    book.wasPublished(delta);
    this.#counters.sent();
    const { generation, revision, mode } = delta;
    metrics.gauge("generation", "Policy generation published.").set(generation);
    this.#unconfirmed.inc({}, book.gate.unconfirmed - this.#countedUnconfirmed);
    this.#countedUnconfirmed = book.gate.unconfirmed;
    const fields = { generation, revision, mode, policies: book.published.documents.size };
    if (before === generation) log.debug(fields, "entries changed");
    else log.info(fields, "a new generation of the policy is published");
    clearTimeout(this.#idle);
    if (publisher.deltas >= snapshotEveryDeltas) this.#snapshot();
    else if (publisher.deltas > 0) {
      this.#idle = setTimeout(() => this.#snapshot(), snapshotIdleMs).unref();
    }
  }

  #snapshot(): void {
    const { book, publisher, log } = this.#options;
    publisher.snapshot(book.published.snapshot()).catch((error: unknown) => {
      this.#counters.error("snapshot");
      log.warn({ error }, "a snapshot could not be published; the deltas stay until the next one");
    });
  }

  #report(errors: DocumentError[]): void {
    const told = new Set(errors.map(({ error }) => error));
    for (const one of errors) {
      if (this.#told.has(one.error)) continue;
      this.#counters.error("document");
      const what = one.previousInForce ? "its last good text stays in force" : "it is not in force";
      const text = `a policy does not compile; ${what}`;
      this.#options.log.error({ ...one }, text);
      const { namespace, name, error } = one;
      this.#options.events.tell({
        ...{ kind: "policy-error", namespace, text: `${text}: ${error}` },
        fields: { policy: `${namespace}/${name}`, error },
      });
    }
    this.#told = told;
  }
}
