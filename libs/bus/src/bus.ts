/**
 * The one interface that carries batches between stations; `memory` and `kafka` implement it and
 * one suite of contract tests holds both to it.
 *
 * Delivery is at least once. A handler's batch counts as done when its promise resolves; only then
 * are offsets committed. Order is kept per partition.
 */

/** A topic as it is created where it is missing. */
export interface TopicSpec {
  name: string;
  partitions: number;
  /** Keep only the newest record per key; a null value deletes. */
  compacted: boolean;
  /** Kafka: how long messages are kept where the topic is not compacted; the broker's default without. */
  retentionMs?: number;
}

/** A message to send. A null value is a tombstone on a compacted topic. */
export interface OutgoingMessage {
  key: string | null;
  value: Uint8Array | null;
  headers?: Record<string, string>;
}

export interface Message {
  topic: string;
  partition: number;
  offset: bigint;
  key: string | null;
  value: Uint8Array | null;
  /** Producer's wall time. */
  timestampMs: number;
  headers: Record<string, string>;
}

/** Messages of one partition, in order, without gaps other than those compaction makes. */
export interface Batch {
  topic: string;
  partition: number;
  messages: Message[];
}

/** A position of a group in a partition, and a short text kept beside it. */
export interface Position {
  topic: string;
  partition: number;
  /** Offset of the next message to read. */
  offset: bigint;
  /** At most 1 KiB. libs/functions keeps the bounds of a batch in flight here. */
  metadata: string;
}

/** What a group reader is given besides its batches. */
export interface Assignment {
  /** Stored positions of the partitions just assigned; offset is -1n where nothing was committed. */
  positions: Position[];
}

export interface GroupOptions {
  group: string;
  topics: string[];
  /** Upper bound of messages handed over at once. */
  maxBatchMessages: number;
  /**
   * Called before any message of newly assigned partitions is delivered, and again after a
   * rebalance: whatever was not committed is forgotten and will be delivered again. Until it has
   * resolved every commit is `fenced`: it could only be of what was read before.
   */
  onAssigned?(assignment: Assignment): Promise<void> | void;
  /**
   * Called with one batch at a time of each partition; partitions do not wait for each other.
   * Resolving it only asks for the partition's next batch: nothing is committed until `commit` is
   * called. Not resolving is the backpressure. Rejecting gets the same batch again after a pause.
   */
  onBatch(batch: Batch): Promise<void>;
  /** Trouble that the carrier is retrying by itself, for logs and health. */
  onError?(error: Error): void;
}

export interface GroupReader extends AsyncDisposable {
  /**
   * Stores positions for the group, durable when it resolves. Rejects with BusError `fenced` when
   * a partition has gone to another member: its batch will be read there again.
   */
  commit(positions: Position[]): Promise<void>;
  /**
   * Stops delivery and leaves the group after the batches in hand, which are waited for no longer
   * than the carrier's `rebalanceTimeoutMs`. Commits nothing by itself.
   */
  close(): Promise<void>;
}

export interface TableOptions {
  topic: string;
  /** Newest value per key as it arrives, from the beginning; null when deleted. */
  onRecord(key: string, value: Uint8Array | null, message: Message): void;
  onError?(error: Error): void;
}

/** Follows a compacted topic from its beginning, without a group. */
export interface TableReader extends AsyncDisposable {
  /** Resolves when everything that was in the topic at the start has been delivered. */
  readonly caughtUp: Promise<void>;
  close(): Promise<void>;
}

export interface TailOptions {
  topic: string;
  onBatch(batch: Batch): void;
  onError?(error: Error): void;
}

/** What a carrier counts, totals since it was made. */
export interface BusCounters {
  /** Messages and bytes of values that the carrier has for good. */
  sentMessages: number;
  sentBytes: number;
  /** Messages of sends that were rejected; the sender knows. */
  refusedMessages: number;
  /** Messages handed to readers, repeats included. */
  readMessages: number;
  /** Bytes that wait in `send` now. */
  inFlightBytes: number;
  /** Messages that retention took before a tail read them. */
  skippedMessages: number;
  /** Memory: messages that retention took of topics that no group reads. */
  expiredMessages: number;
  /** Trouble that was retried, by the carrier itself or by giving a batch again. */
  retries: number;
}

export interface Bus extends AsyncDisposable {
  readonly kind: "memory" | "kafka";
  counters(): Readonly<BusCounters>;
  /** Creates what is missing; leaves what exists as it is. */
  ensureTopics(topics: TopicSpec[]): Promise<void>;
  /**
   * Resolves when the carrier has the messages for good (Kafka: acks=all). Waits while more than
   * the configured number of bytes is in flight; rejects after the configured retries.
   */
  send(topic: string, messages: OutgoingMessage[]): Promise<void>;
  /** Joins a consumer group. */
  readGroup(options: GroupOptions): Promise<GroupReader>;
  readTable(options: TableOptions): Promise<TableReader>;
  /** From now on, without a group and without commits: live tails. */
  readTail(options: TailOptions): Promise<TableReader>;
  /** Messages of the topic that the group has not committed. */
  lag(group: string, topic: string): Promise<bigint>;
  close(): Promise<void>;
}
