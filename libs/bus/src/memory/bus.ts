import { createHash } from "node:crypto";
import { join } from "node:path";
import type {
  Batch,
  Bus,
  BusCounters,
  GroupOptions,
  GroupReader,
  OutgoingMessage,
  Position,
  TableOptions,
  TableReader,
  TailOptions,
  TopicSpec,
} from "../bus.ts";
import { newCounters } from "../counters.ts";
import { asError, BusError } from "../error.ts";
import { InFlight } from "../in-flight.ts";
import { partitionOf } from "../partitioner.ts";
import { Turns } from "../turns.ts";
import { Delivery } from "../delivery.ts";
import { RecordFile } from "./file.ts";
import { Follower } from "./follower.ts";
import { MemoryGroup } from "./group.ts";
import { PartitionLog, sizeOf } from "./log.ts";
import type { MemoryBusOptions } from "./options.ts";
import { defaultMemoryBusOptions } from "./options.ts";
import { MemoryPartition } from "./partition.ts";
import { Positions } from "./positions.ts";
import { nextRun } from "./run.ts";

/** Offsets of topics that are not stored, per start with the same directory. */
const offsetsPerRun = 2n ** 36n;

/**
 * The bus of one process. Topics are kept in memory, compacted ones also under `directory`
 * where one is given: they, their offsets and the positions of groups in them are there at the next
 * start. Offsets of the other topics begin at 0 without a directory, else past all earlier ones.
 */
export function createMemoryBus(options: Partial<MemoryBusOptions> = {}): Bus {
  return new MemoryBus({ ...defaultMemoryBusOptions, ...options });
}

class MemoryBus implements Bus {
  readonly kind = "memory";
  readonly #options: MemoryBusOptions;
  readonly #topics = new Map<string, MemoryPartition[]>();
  readonly #compacted = new Set<string>();
  readonly #groups = new Map<string, MemoryGroup>();
  readonly #followers = new Set<Follower>();
  readonly #counters: BusCounters = newCounters();
  readonly #inFlight: InFlight;
  readonly #opening = new Turns();
  #stored: { run: bigint; positions: Positions } | undefined;
  #roundRobin = 0;
  #closing: Promise<void> | undefined;

  constructor(options: MemoryBusOptions) {
    this.#options = options;
    this.#inFlight = new InFlight(options.maxInFlightBytes);
  }

  counters(): Readonly<BusCounters> {
    return { ...this.#counters, inFlightBytes: this.#inFlight.bytes };
  }

  ensureTopics(topics: TopicSpec[]): Promise<void> {
    return this.#opening.take(async () => {
      for (const topic of topics) {
        this.#refuseClosed();
        if (!this.#topics.has(topic.name)) await this.#open(topic);
      }
    });
  }

  async #open({ name, partitions, compacted }: TopicSpec): Promise<void> {
    const { directory } = this.#options;
    this.#stored ??= await openStored(directory);
    const first = compacted ? 0n : this.#stored.run * offsetsPerRun;
    const opened: MemoryPartition[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const log = new PartitionLog(name, partition, compacted, first);
      const path = directory && compacted ? join(directory, fileName(name, partition)) : undefined;
      opened.push(
        path === undefined
          ? new MemoryPartition(log, undefined, this.#options, this.#counters)
          : await MemoryPartition.stored(path, log, this.#options, this.#counters),
      );
    }
    if (compacted) this.#compacted.add(name);
    this.#topics.set(name, opened);
  }

  async send(topic: string, messages: OutgoingMessage[]): Promise<void> {
    try {
      this.#refuseClosed();
      const partitions = this.#partitionsOf(topic);
      const shares = this.#share(topic, partitions.length, messages);
      const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0);
      await this.#inFlight.run(bytes, async () => {
        const sends = [...shares].map(([partition, share]) =>
          (partitions[partition] as MemoryPartition).send(share),
        );
        const failed = (await Promise.allSettled(sends)).find((one) => one.status === "rejected");
        if (failed) throw failed.reason;
      });
    } catch (error) {
      this.#counters.refusedMessages += messages.length;
      throw error;
    }
    this.#counters.sentMessages += messages.length;
    for (const message of messages) this.#counters.sentBytes += message.value?.length ?? 0;
  }

  #share(
    topic: string,
    partitions: number,
    messages: OutgoingMessage[],
  ): Map<number, OutgoingMessage[]> {
    const { maxMessageBytes } = this.#options;
    const compacted = this.#compacted.has(topic);
    const shares = new Map<number, OutgoingMessage[]>();
    for (const message of messages) {
      if (compacted && message.key === null) {
        throw new BusError("invalid", `${topic} is compacted: a message needs a key`);
      }
      if (sizeOf(message) > maxMessageBytes) {
        const what = `a message of ${sizeOf(message)} bytes to ${topic}, at most ${maxMessageBytes}`;
        throw new BusError("too_large", `${what}: split it or raise maxMessageBytes`);
      }
      const { key } = message;
      const partition =
        key === null ? this.#roundRobin++ % partitions : partitionOf(key, partitions);
      const share = shares.get(partition);
      if (share) share.push(message);
      else shares.set(partition, [message]);
    }
    return shares;
  }

  async readGroup(options: GroupOptions): Promise<GroupReader> {
    this.#refuseClosed();
    for (const topic of options.topics) this.#partitionsOf(topic);
    let group = this.#groups.get(options.group);
    if (!group) {
      group = new MemoryGroup({
        name: options.group,
        positions: this.#positions(),
        counters: this.#counters,
        rebalanceTimeoutMs: this.#options.rebalanceTimeoutMs,
        partitionsOf: (topic) => this.#partitionsOf(topic),
        commit: (name, positions) => this.#commit(name, positions),
      });
      this.#groups.set(options.group, group);
    }
    return group.join(options);
  }

  async #commit(group: string, positions: Position[]): Promise<void> {
    this.#refuseClosed();
    await this.#positions().commit(group, positions, (topic) => this.#compacted.has(topic));
    for (const { topic, partition, offset } of positions) {
      this.#partitionsOf(topic)[partition]?.hold(group, offset);
    }
  }

  readTable(options: TableOptions): Promise<TableReader> {
    const onBatch = (batch: Batch): void => {
      for (const message of batch.messages) {
        try {
          if (message.key !== null) options.onRecord(message.key, message.value, message);
        } catch (thrown) {
          options.onError?.(asError(thrown));
        }
      }
    };
    return this.#follow(
      options.topic,
      (partition) => partition.log.firstOffset,
      onBatch,
      (error) => options.onError?.(error),
    );
  }

  readTail(options: TailOptions): Promise<TableReader> {
    const onBatch = (batch: Batch): void => {
      try {
        options.onBatch(batch);
      } catch (thrown) {
        options.onError?.(asError(thrown));
      }
    };
    return this.#follow(
      options.topic,
      (partition) => partition.log.nextOffset,
      onBatch,
      (error) => options.onError?.(error),
    );
  }

  async #follow(
    topic: string,
    from: (partition: MemoryPartition) => bigint,
    onBatch: (batch: Batch) => void,
    onError: (error: Error) => void,
  ): Promise<TableReader> {
    this.#refuseClosed();
    const caughtUp: Promise<void>[] = [];
    const deliveries = this.#partitionsOf(topic).map((partition) => {
      const up = Promise.withResolvers<void>();
      caughtUp.push(up.promise);
      return new Delivery({
        source: partition.log,
        from: from(partition),
        maxBatchMessages: this.#options.maxTailMessages,
        counters: this.#counters,
        onBatch,
        onError,
        onCaughtUp: up.resolve,
      });
    });
    const follower = new Follower(deliveries, caughtUp, () => this.#followers.delete(follower));
    this.#followers.add(follower);
    return follower;
  }

  async lag(group: string, topic: string): Promise<bigint> {
    const positions = this.#positions();
    return this.#partitionsOf(topic).reduce((sum, { log }) => {
      const committed = positions.get(group, topic, log.partition)?.offset ?? -1n;
      const from = committed < log.firstOffset ? log.firstOffset : committed;
      return from < log.nextOffset ? sum + log.nextOffset - from : sum;
    }, 0n);
  }

  #positions(): Positions {
    if (!this.#stored)
      throw new BusError("unknown_topic", "no topics yet: call ensureTopics first");
    return this.#stored.positions;
  }

  #partitionsOf(topic: string): MemoryPartition[] {
    const partitions = this.#topics.get(topic);
    if (!partitions)
      throw new BusError("unknown_topic", `no topic ${topic}: call ensureTopics first`);
    return partitions;
  }

  #refuseClosed(): void {
    if (this.#closing) throw new BusError("closed", "the bus has been closed");
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#opening.over();
    await Promise.all([...this.#groups.values()].map((group) => group.close()));
    await Promise.all([...this.#followers].map((follower) => follower.close()));
    const partitions = [...this.#topics.values()].flat();
    await Promise.all(partitions.map((partition) => partition.close()));
    await this.#stored?.positions.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function openStored(
  directory: string | undefined,
): Promise<{ run: bigint; positions: Positions }> {
  if (directory === undefined) return { run: 0n, positions: new Positions(undefined, []) };
  const run = await nextRun(join(directory, "run"));
  const { file, records } = await RecordFile.open(join(directory, "positions"));
  return { run, positions: new Positions(file, records) };
}

/** Topic names may hold what file names may not; a digest keeps two of them apart. */
function fileName(topic: string, partition: number): string {
  const safe = topic.replaceAll(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "_");
  const digest = createHash("sha256").update(topic).digest("hex").slice(0, 8);
  return safe === topic ? `${topic}-${partition}.log` : `${safe}-${digest}-${partition}.log`;
}
