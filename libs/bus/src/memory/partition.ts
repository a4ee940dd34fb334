import type { BusCounters, OutgoingMessage } from "../bus.ts";
import { BusError } from "../error.ts";
import { Turns } from "../turns.ts";
import { within } from "../wakeup.ts";
import { RecordFile } from "./file.ts";
import { storedOf } from "./frame.ts";
import type { PartitionLog } from "./log.ts";
import { sizeOf } from "./log.ts";

export interface PartitionBounds {
  maxPartitionBytes: number;
  sendTimeoutMs: number;
}

/** A log, who may come back to it, and the file it is kept in where it has one. */
export class MemoryPartition {
  readonly log: PartitionLog;
  /** Lowest offset each group may still read. What lies below all of them may go. */
  readonly #holds = new Map<string, bigint>();
  readonly #file: RecordFile | undefined;
  readonly #bounds: PartitionBounds;
  readonly #counters: BusCounters;
  #turns = new Turns();
  #room = Promise.withResolvers<void>();
  #closed = false;

  constructor(
    log: PartitionLog,
    file: RecordFile | undefined,
    bounds: PartitionBounds,
    counters: BusCounters,
  ) {
    this.log = log;
    this.#file = file;
    this.#bounds = bounds;
    this.#counters = counters;
  }

  /** Opens the partition of a compacted topic with what was stored in it. */
  static async stored(
    path: string,
    log: PartitionLog,
    bounds: PartitionBounds,
    counters: BusCounters,
  ): Promise<MemoryPartition> {
    const { file, records } = await RecordFile.open(path);
    for (const record of records) {
      // A record with neither key nor value only moves the offset.
      if (record.key === null) log.nextOffset = record.offset;
      else log.append([{ topic: log.topic, partition: log.partition, ...record }]);
    }
    return new MemoryPartition(log, file, bounds, counters);
  }

  hold(group: string, offset: bigint): void {
    this.#holds.set(group, offset);
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  /** One after the other; resolves when the messages can be read and, with a file, are on disk. */
  send(messages: OutgoingMessage[]): Promise<void> {
    return this.#turns.take(() => this.#send(messages));
  }

  async #send(messages: OutgoingMessage[]): Promise<void> {
    const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0);
    await this.#makeRoom(bytes - this.log.replaced(messages));
    if (this.#closed) throw new BusError("closed", `${this.log.topic}: the bus has been closed`);
    const prepared = this.log.prepare(messages, Date.now());
    await this.#file?.append(prepared.map(storedOf));
    this.log.append(prepared, this.#floor());
    if (this.#file?.wantsRewrite(this.log.bytes)) await this.#rewrite(this.#file);
  }

  async #rewrite(file: RecordFile): Promise<void> {
    this.log.compact(this.#floor());
    const { topic, partition, nextOffset } = this.log;
    const next = {
      topic,
      partition,
      offset: nextOffset,
      timestampMs: 0,
      key: null,
      value: null,
      headers: {},
    };
    await file.rewrite([...this.log.newest(), next].map(storedOf));
  }

  #floor(): bigint {
    let floor = this.log.nextOffset;
    for (const offset of this.#holds.values()) if (offset < floor) floor = offset;
    return floor;
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { log } = this;
    const { maxPartitionBytes, sendTimeoutMs } = this.#bounds;
    if (bytes > maxPartitionBytes) {
      const what = `${bytes} bytes at once to ${log.topic}/${log.partition}, which keeps ${maxPartitionBytes}`;
      throw new BusError("too_large", `${what}: send less at once or raise maxPartitionBytes`);
    }
    const deadline = performance.now() + sendTimeoutMs;
    for (;;) {
      this.#drop(bytes);
      if (this.#closed || log.bytes + bytes <= maxPartitionBytes) return;
      const left = deadline - performance.now();
      if (left <= 0 || !(await within(left, this.#room.promise))) throw this.#full(bytes);
    }
  }

  /** Keeps about half of the bound for readers that come later, and all that a group still needs. */
  #drop(bytes: number): void {
    const { log } = this;
    const { maxPartitionBytes } = this.#bounds;
    if (log.compacted) {
      if (log.bytes + bytes > maxPartitionBytes) log.compact(this.#floor());
      return;
    }
    if (this.#holds.size > 0) log.trim(this.#floor(), maxPartitionBytes / 2 - bytes);
    else this.#counters.expiredMessages += log.trim(log.nextOffset, maxPartitionBytes - bytes);
  }

  #full(bytes: number): BusError {
    const { log } = this;
    const where = `${log.topic}/${log.partition} holds ${log.bytes} bytes, no room for ${bytes} more`;
    if (log.compacted) {
      return new BusError(
        "full",
        `${where}: it keeps a record for every key; raise maxPartitionBytes`,
      );
    }
    const [slowest] = [...this.#holds].sort((a, b) => (a[1] < b[1] ? -1 : 1));
    const who = slowest ? `group ${slowest[0]} has committed up to ${slowest[1]} only` : "";
    return new BusError("full", `${where}: ${who}; see why it does not commit`);
  }

  /** Waits for the send in hand, then refuses. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#room.resolve();
    await this.#turns.over();
    await this.#file?.close();
  }
}
