import type { Batch as KafkaBatch, Consumer } from "kafkajs";
import type { BusCounters, GroupOptions, Position } from "../bus.ts";
import { Delivery } from "../delivery.ts";
import { asError, BusError, causesOf } from "../error.ts";
import type { KafkaAdmin } from "./admin.ts";
import { messageOf } from "./message.ts";
import type { KafkaBusOptions } from "./options.ts";
import { PartitionQueue } from "./queue.ts";
import type { Standing } from "./stall-watch.ts";
import { within } from "../wakeup.ts";

export interface SessionOptions {
  assignment: Record<string, number[]>;
  consumer: Consumer;
  admin: KafkaAdmin;
  bus: KafkaBusOptions;
  counters: BusCounters;
  options: GroupOptions;
  /** Topics where gaps between offsets are nothing to speak of. */
  compacted: Set<string>;
}

/** What one member reads between two rebalances. */
export class GroupSession {
  readonly #options: SessionOptions;
  readonly #queues = new Map<string, PartitionQueue>();
  /** Offset that the next fetch of a partition should begin with. */
  readonly #fetched = new Map<string, bigint>();
  /** Where reading began. */
  #positions: Position[] = [];
  #deliveries: Delivery[] = [];
  #stopped = false;
  #assigned = false;

  /** Nothing is fetched before `start`: the positions come first. */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { assignment, consumer } = options;
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const place = { topic, partition };
        const fetching = [{ topic, partitions: [partition] }];
        const queue = new PartitionQueue(
          place,
          options.bus.maxQueuedBytes,
          () => this.#whileRunning(() => consumer.pause(fetching)),
          () => this.#whileRunning(() => consumer.resume(fetching)),
        );
        this.#queues.set(keyOf(topic, partition), queue);
      }
      consumer.pause([{ topic, partitions }]);
    }
  }

  async start(): Promise<void> {
    const { consumer, options, assignment } = this.#options;
    const positions = await this.#lookUpInTime();
    if (this.#stopped) return;
    this.#positions = positions;
    try {
      await options.onAssigned?.({ positions });
    } catch (thrown) {
      options.onError?.(asError(thrown));
    }
    if (this.#stopped) return;
    this.#assigned = true;
    this.#deliveries = positions.map((position) => this.#deliver(position));
    this.#whileRunning(() => {
      for (const { topic, partition, offset } of positions) {
        if (offset >= 0n) consumer.seek({ topic, partition, offset: String(offset) });
      }
      for (const [topic, partitions] of Object.entries(assignment)) {
        consumer.resume([{ topic, partitions }]);
      }
    });
  }

  /** An answer that never comes would leave every partition paused, with no error to anybody. */
  async #lookUpInTime(): Promise<Position[]> {
    const { bus, options } = this.#options;
    const looking = this.#lookUp();
    if (await within(bus.lookUpTimeoutMs, looking)) return looking;
    const what = `positions of ${options.group} were not told within ${bus.lookUpTimeoutMs} ms`;
    throw new BusError("unavailable", `${what}; the member joins anew`);
  }

  /** Stored positions; one that retention or a new topic has made void begins anew, and says so. */
  async #lookUp(): Promise<Position[]> {
    const { admin, options, assignment } = this.#options;
    const stored = await admin.positions(options.group, Object.keys(assignment));
    const own = stored.filter(({ topic, partition }) => this.#owns(topic, partition));
    const checked: Position[] = [];
    for (const topic of Object.keys(assignment)) {
      const bounds = await admin.bounds(topic);
      for (const position of own.filter((one) => one.topic === topic)) {
        const bound = bounds.find((one) => one.partition === position.partition);
        checked.push(bound ? this.#within(position, bound) : position);
      }
    }
    return checked;
  }

  #within(position: Position, { low, high }: { low: bigint; high: bigint }): Position {
    const { offset, topic, partition } = position;
    if (offset < 0n || (offset >= low && offset <= high)) return position;
    const { options, counters } = this.#options;
    const where = `${topic}/${partition} keeps offsets ${low} to ${high}, ${options.group} stood at ${offset}`;
    if (offset < low) counters.skippedMessages += Number(low - offset);
    options.onError?.(new BusError("skipped", `${where}; it goes on from ${low}`));
    return { ...position, offset: low, metadata: "" };
  }

  #deliver({ topic, partition, offset }: Position): Delivery {
    const { options, counters } = this.#options;
    return new Delivery({
      source: this.#queues.get(keyOf(topic, partition)) as PartitionQueue,
      from: offset < 0n ? 0n : offset,
      maxBatchMessages: options.maxBatchMessages,
      counters,
      onBatch: (batch) => options.onBatch(batch),
      onError: (error) => options.onError?.(error),
    });
  }

  push({ topic, partition, messages }: KafkaBatch): void {
    if (this.#stopped) return;
    const key = keyOf(topic, partition);
    const fetched = messages.map((message) => messageOf(topic, partition, message));
    this.#noticeSkipped(key, topic, fetched[0]?.offset ?? -1n);
    this.#fetched.set(key, (fetched.at(-1)?.offset ?? -1n) + 1n);
    this.#queues.get(key)?.push(fetched);
  }

  /** Of the partitions that wait for nobody here; none before `start` is through. */
  async standings(): Promise<Standing[]> {
    if (this.#stopped || !this.#assigned) return [];
    const standings: Standing[] = [];
    for (const topic of Object.keys(this.#options.assignment)) {
      const bounds = await this.#options.admin.bounds(topic);
      for (const { partition, low, high } of bounds) {
        const key = keyOf(topic, partition);
        const queue = this.#queues.get(key);
        if (queue === undefined || queue.isFull) continue;
        const began = this.#positions.find(
          (one) => one.topic === topic && one.partition === partition,
        );
        const from = began === undefined || began.offset < 0n ? low : began.offset;
        standings.push({ key, next: this.#fetched.get(key) ?? from, high });
      }
    }
    return standings;
  }

  /** kafkajs goes to the oldest message by itself when retention has overtaken a reader. */
  #noticeSkipped(key: string, topic: string, offset: bigint): void {
    const { options, counters, compacted } = this.#options;
    const expected = this.#fetched.get(key);
    if (expected === undefined || offset <= expected || compacted.has(topic)) return;
    const skipped = Number(offset - expected);
    counters.skippedMessages += skipped;
    const what = `${skipped} messages of ${key} went before ${options.group} read them`;
    options.onError?.(
      new BusError("skipped", `${what}; read faster or raise the topic's retention`),
    );
  }

  /**
   * Whether a commit is this session's. Before the reader knows of the assignment it can only be of
   * what was read before: it would move the group past the positions that were just looked up.
   */
  takesCommits(topic: string, partition: number): boolean {
    return this.#assigned && this.#owns(topic, partition);
  }

  #owns(topic: string, partition: number): boolean {
    return this.#queues.has(keyOf(topic, partition));
  }

  /** Throws `fenced` when the group has gone on without this member. */
  async commit(positions: Position[]): Promise<void> {
    const { consumer, options } = this.#options;
    let stored = 0;
    const remove = consumer.on(consumer.events.COMMIT_OFFSETS, () => {
      stored++;
    });
    try {
      await consumer.commitOffsets(
        positions.map(({ topic, partition, offset, metadata }) => ({
          topic,
          partition,
          offset: String(offset),
          metadata,
        })),
      );
    } catch (error) {
      if (!isFenced(error)) throw error;
      const what = `group ${options.group} has been divided anew`;
      throw new BusError("fenced", `${what}; what is not committed is read again`, {
        cause: error,
      });
    } finally {
      remove();
    }
    // kafkajs resolves as well when it gives up because its consumer is on its way out.
    if (stored === 0) throw new BusError("unavailable", "the consumer is being started anew");
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    for (const delivery of this.#deliveries) delivery.stop();
  }

  /** Resolves when no batch is in hand any more; after `stop`. */
  async done(): Promise<void> {
    await Promise.all(this.#deliveries.map((delivery) => delivery.done));
  }

  /** kafkajs throws when its consumer has just crashed; the next session does it all again. */
  #whileRunning(act: () => void): void {
    if (this.#stopped) return;
    try {
      act();
    } catch (error) {
      this.#options.bus.log.debug({ error }, "the consumer is not running");
    }
  }
}

const fencing = new Set(["ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS"]);

function isFenced(error: unknown): boolean {
  for (const { type } of causesOf(error)) if (fencing.has(type ?? "")) return true;
  return false;
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
