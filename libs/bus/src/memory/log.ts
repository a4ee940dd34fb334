import type { Message, OutgoingMessage } from "../bus.ts";
import type { Source, SourceReader } from "../delivery.ts";

/** Bytes a message is counted as: its texts, its value and what the object itself costs. */
export function sizeOf(message: OutgoingMessage): number {
  let bytes = 96 + (message.key?.length ?? 0) + (message.value?.length ?? 0);
  for (const [name, value] of Object.entries(message.headers ?? {}))
    bytes += name.length + value.length;
  return bytes;
}

/**
 * The messages of one partition in order of offset. Offsets may have gaps: in a compacted log a
 * newer record of the same key takes the place of the older one.
 */
export class PartitionLog implements Source {
  readonly topic: string;
  readonly partition: number;
  readonly compacted: boolean;
  readonly readers = new Set<SourceReader>();
  /** Of the message that is sent next. */
  nextOffset: bigint;
  bytes = 0;
  #messages: Message[] = [];
  #newest = new Map<string, Message>();
  #superseded = 0;

  constructor(topic: string, partition: number, compacted: boolean, nextOffset: bigint) {
    this.topic = topic;
    this.partition = partition;
    this.compacted = compacted;
    this.nextOffset = nextOffset;
  }

  /** Offset of the oldest message kept, or of the next one; 0 of a compacted log. */
  get firstOffset(): bigint {
    if (this.compacted) return 0n;
    return this.#messages[0]?.offset ?? this.nextOffset;
  }

  get length(): number {
    return this.#messages.length;
  }

  /** Newest record per key, tombstones included; of a compacted log. */
  newest(): Message[] {
    return [...this.#newest.values()].sort((a, b) => (a.offset < b.offset ? -1 : 1));
  }

  /** Bytes of a compacted log that go when these messages have come. */
  replaced(messages: OutgoingMessage[]): number {
    if (!this.compacted) return 0;
    let bytes = 0;
    for (const key of new Set(messages.map((message) => message.key as string))) {
      const old = this.#newest.get(key);
      if (old) bytes += sizeOf(old);
    }
    return bytes;
  }

  /** Gives offsets and times; the messages are not in the log before `append`. */
  prepare(messages: OutgoingMessage[], timestampMs: number): Message[] {
    return messages.map((message, index) => ({
      topic: this.topic,
      partition: this.partition,
      offset: this.nextOffset + BigInt(index),
      key: message.key,
      // Senders reuse their buffers.
      value: message.value === null ? null : Uint8Array.from(message.value),
      timestampMs,
      headers: { ...message.headers },
    }));
  }

  /** `held` is the lowest position that a group may still come back to. */
  append(messages: Message[], held: bigint = this.nextOffset): void {
    for (const message of messages) {
      this.#messages.push(message);
      this.bytes += sizeOf(message);
      this.nextOffset = message.offset + 1n;
      if (this.compacted) this.#supersede(message);
    }
    if (this.#superseded > 64 && this.#superseded * 2 > this.#messages.length) this.compact(held);
    for (const reader of this.readers) reader.ring();
  }

  #supersede(message: Message): void {
    const key = message.key as string;
    if (this.#newest.has(key)) this.#superseded++;
    this.#newest.set(key, message);
    if (message.value === null) this.#superseded++;
  }

  /**
   * Drops superseded records, and tombstones that every reader has passed and no group may still
   * come back to.
   */
  compact(held: bigint): void {
    let passed = held;
    for (const reader of this.readers) if (reader.position() < passed) passed = reader.position();
    this.#messages = this.#messages.filter((message) => {
      const key = message.key as string;
      if (this.#newest.get(key) !== message) return false;
      if (message.value !== null || message.offset >= passed) return true;
      this.#newest.delete(key);
      return false;
    });
    this.bytes = this.#messages.reduce((sum, message) => sum + sizeOf(message), 0);
    this.#superseded = 0;
  }

  /** Messages from the offset on; at least one where there is one, whatever its size. */
  read(from: bigint, maxMessages: number, maxBytes: number): Message[] {
    const batch: Message[] = [];
    let bytes = 0;
    for (let index = this.#indexOf(from); index < this.#messages.length; index++) {
      const message = this.#messages[index] as Message;
      bytes += sizeOf(message);
      if (batch.length > 0 && (batch.length >= maxMessages || bytes > maxBytes)) break;
      batch.push(message);
    }
    return batch;
  }

  /** Drops messages below `floor`, oldest first, until `bytes` is at most `target`. */
  trim(floor: bigint, target: number): number {
    let dropped = 0;
    for (const message of this.#messages) {
      if (this.bytes <= target || message.offset >= floor) break;
      this.bytes -= sizeOf(message);
      dropped++;
    }
    if (dropped > 0) this.#messages = this.#messages.slice(dropped);
    return dropped;
  }

  /** Index of the first message at or after the offset. */
  #indexOf(offset: bigint): number {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#messages[middle] as Message).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
