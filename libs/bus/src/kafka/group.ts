import { setTimeout as pause } from "node:timers/promises";
import type { Consumer, EachBatchPayload } from "kafkajs";
import type { BusCounters, GroupOptions, GroupReader, Position } from "../bus.ts";
import { asError, BusError, causesOf } from "../error.ts";
import { refuseLongMetadata } from "../metadata.ts";
import { Turns } from "../turns.ts";
import { within } from "../wakeup.ts";
import type { KafkaAdmin } from "./admin.ts";
import { unavailable } from "./client.ts";
import { GroupSession } from "./session.ts";
import type { KafkaBusOptions } from "./options.ts";
import { StallWatch } from "./stall-watch.ts";

export interface GroupDoors {
  /** A client of its own: kafkajs shares the positions of a group between consumers of a client. */
  newConsumer(group: string): Consumer;
  admin: KafkaAdmin;
  bus: KafkaBusOptions;
  counters: BusCounters;
  compacted: Set<string>;
  onClosed(): void;
}

/**
 * A member of a Kafka consumer group. kafkajs keeps the membership, the heartbeats and the
 * fetching; its batches only go into bounded queues, so a handler that takes its time, or
 * never ends, costs neither the membership nor the other partitions. Whatever ends the consumer,
 * a new one is made after a pause, for as long as the reader is open.
 */
export class KafkaGroupReader implements GroupReader {
  readonly #doors: GroupDoors;
  readonly #options: GroupOptions;
  readonly #closed = new AbortController();
  readonly #commits = new Turns();
  #consumer: Consumer | undefined;
  #session: GroupSession | undefined;
  #closing: Promise<void> | undefined;
  #recovering: Promise<void> | undefined;
  readonly #stalls = new StallWatch();
  /** The group was being divided anew at the last look. */
  #leftWithout: GroupSession | undefined;
  readonly #watching: NodeJS.Timeout;

  private constructor(doors: GroupDoors, options: GroupOptions) {
    this.#doors = doors;
    this.#options = options;
    this.#watching = setInterval(() => void this.#look(), doors.bus.stallCheckMs).unref();
  }

  /** Resolves when the group has given this member its first partitions. */
  static async join(doors: GroupDoors, options: GroupOptions): Promise<KafkaGroupReader> {
    const reader = new KafkaGroupReader(doors, options);
    try {
      await reader.#startPatiently();
    } catch (error) {
      await reader.close();
      throw unavailable(doors.bus, `joining group ${options.group}`, error);
    }
    return reader;
  }

  /** A broker that has just been started knows its groups a little later than it answers. */
  async #startPatiently(): Promise<void> {
    const { firstRetryMs, maxRetryMs, maxRetries } = this.#doors.bus;
    let pauseMs = firstRetryMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#start();
      } catch (error) {
        if (attempt >= maxRetries || !isPassing(error)) throw error;
        this.#report(asError(error));
      }
      await pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, maxRetryMs);
    }
  }

  async #start(): Promise<void> {
    const { group, topics } = this.#options;
    const consumer = this.#doors.newConsumer(group);
    this.#consumer = consumer;
    const started = Promise.withResolvers<void>();
    // A crash before the first assignment is the caller's, one after it is ours.
    let assigned = false;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      if (this.#consumer !== consumer) return;
      this.#assign(consumer, payload.memberAssignment).then(
        () => {
          assigned = true;
          return started.resolve();
        },
        (error: unknown) => {
          if (assigned) this.#recover(asError(error));
          else started.reject(asError(error));
        },
      );
    });
    consumer.on(consumer.events.REBALANCING, () => {
      if (this.#consumer === consumer) this.#session?.stop();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (this.#consumer !== consumer) return;
      if (assigned) this.#recover(payload.error);
      else started.reject(payload.error);
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics, fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        partitionsConsumedConcurrently: 8,
        eachBatch: (payload) => this.#enqueue(consumer, payload),
      });
      await started.promise;
    } catch (error) {
      await this.#discard();
      throw error;
    }
  }

  /** Stops what was before at once: the group has already gone on without it. */
  async #assign(consumer: Consumer, assignment: Record<string, number[]>): Promise<void> {
    const old = this.#session;
    const { bus, admin, counters, compacted } = this.#doors;
    const session = new GroupSession({
      assignment,
      consumer,
      admin,
      bus,
      counters,
      compacted,
      options: this.#options,
    });
    this.#session = session;
    old?.stop();
    if (old && !(await within(bus.rebalanceTimeoutMs, old.done()))) {
      const what = `a batch was not finished within ${bus.rebalanceTimeoutMs} ms`;
      this.#report(new BusError("fenced", `${what}; the group goes on without waiting for it`));
    }
    // Another assignment may have come meanwhile.
    if (this.#session === session) await session.start();
  }

  #enqueue(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    if (this.#consumer === consumer && !payload.isStale()) this.#session?.push(payload.batch);
    return Promise.resolve();
  }

  #recover(cause: Error): void {
    if (this.#closing) return;
    this.#report(cause);
    this.#recovering ??= this.#startAnew();
  }

  async #startAnew(): Promise<void> {
    const { firstRetryMs, maxRetryMs } = this.#doors.bus;
    const { signal } = this.#closed;
    this.#session?.stop();
    await this.#discard();
    for (let pauseMs = firstRetryMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, maxRetryMs)) {
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      try {
        await this.#start();
        break;
      } catch (error) {
        this.#report(asError(error));
      }
    }
    this.#recovering = undefined;
  }

  async #look(): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#recovering !== undefined) return;
    if (session.isStopped) {
      if (this.#leftWithout === session) this.#recover(new BusError("unavailable", noShare));
      this.#leftWithout = session;
      return;
    }
    try {
      const standings = await session.standings();
      if (session !== this.#session || this.#recovering !== undefined) return;
      const [stalled, ...others] = this.#stalls.look(standings);
      if (stalled === undefined) return;
      const { key, next, high } = stalled;
      const more = others.length > 0 ? ` and ${others.length} more` : "";
      const what = `${key} stands still at ${next} of ${high}${more}; the member joins anew`;
      this.#recover(new BusError("unavailable", what));
    } catch (error) {
      // Where the broker is away, it is no stall.
      this.#doors.bus.log.debug({ error }, "could not look whether a member stands still");
    }
  }

  async #discard(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.disconnect().catch(() => undefined);
  }

  async commit(positions: Position[]): Promise<void> {
    refuseLongMetadata(positions);
    return this.#commits.take(() => this.#commit(positions));
  }

  async #commit(positions: Position[]): Promise<void> {
    const { firstRetryMs, maxRetryMs, maxRetries } = this.#doors.bus;
    let pauseMs = firstRetryMs;
    for (let attempt = 0; ; attempt++) {
      if (this.#closed.signal.aborted) {
        throw new BusError("closed", `this member of ${this.#options.group} has been closed`);
      }
      const session = this.#session;
      this.#refuseLost(session, positions);
      try {
        await session?.commit(positions);
        // What moved while it was under way has gone on from the older position.
        this.#refuseLost(this.#session, positions);
        return;
      } catch (error) {
        if (error instanceof BusError && error.code === "fenced") throw error;
        if (attempt >= maxRetries) {
          throw unavailable(this.#doors.bus, `committing for group ${this.#options.group}`, error);
        }
        this.#report(asError(error));
      }
      await pause(pauseMs);
      pauseMs = Math.min(2 * pauseMs, maxRetryMs);
    }
  }

  #refuseLost(session: GroupSession | undefined, positions: Position[]): void {
    const lost = positions.find(
      ({ topic, partition }) => session?.takesCommits(topic, partition) !== true,
    );
    if (!lost) return;
    const what = `${lost.topic}/${lost.partition} is not read by this member of ${this.#options.group} now`;
    throw new BusError("fenced", `${what}; its messages are read again by the one that has it`);
  }

  #report(error: Error): void {
    this.#doors.counters.retries++;
    this.#options.onError?.(error);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#watching);
    const session = this.#session;
    session?.stop();
    // The membership is kept while batches in hand may still commit.
    if (session) await within(this.#doors.bus.rebalanceTimeoutMs, session.done());
    await this.#commits.over();
    this.#closed.abort();
    await this.#recovering;
    await this.#discard();
    this.#doors.onClosed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const noShare = "the group was divided anew and gave this member nothing; it joins anew";

/** kafkajs says of these that they may be tried again, and leaves it to others. */
const passing = new Set([
  "GROUP_LOAD_IN_PROGRESS",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR_FOR_GROUP",
]);

function isPassing(error: unknown): boolean {
  for (const { type } of causesOf(error)) if (passing.has(type ?? "")) return true;
  return false;
}
