import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { createFlowEncoder } from "@weir/codec";
import type { BlockHeader } from "@weir/codec";
import { pause, retryDelayMs } from "@weir/runtime";
import type { Log } from "@weir/runtime";

export interface BlockSenderOptions {
  bus: Bus;
  log: Log;
  node: string;
  bootId: string;
  maxPendingBytes: number;
  /** Next number of a block; what it returns is spent, whatever becomes of the block. */
  nextBlock: () => number;
  /** Number of the latest block of an earlier process; 0 before any. */
  lastBlock: number;
  clockOffsetNs: () => bigint;
  /** Texts of the rules that occur in these records. */
  rulesOf: (records: Uint8Array, count: number) => BlockHeader["rules"];
}

/** Makes blocks of records and hands them to the bus, in order, one at a time. */
export interface BlockSender {
  /** Encodes `count` records now: the buffer is the caller's again when this returns. */
  add(records: Uint8Array, count: number): void;
  /** True while the bus is behind by `maxPendingBytes`: read nothing more, the map keeps it. */
  readonly full: boolean;
  /** Resolves when there is room again, at once where there is. */
  room(): Promise<void>;
  /** Resolves when the bus has everything; false when that was not so within `timeoutMs`. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Gives up what is pending. */
  abandon(): void;
  readonly counters: Readonly<SenderCounters>;
}

export interface SenderCounters {
  blocks: number;
  /** Number of the latest block that the bus took, of an earlier process before the first. */
  lastBlock: number;
  records: number;
  bytes: number;
  /** Attempts that the bus refused; each was tried again. */
  retries: number;
  pendingBytes: number;
  /** Records of blocks that were given up at the stop. */
  abandonedRecords: number;
}

interface Block {
  number: number;
  value: Uint8Array;
  records: number;
}

const retry = { maxAttempts: Number.MAX_SAFE_INTEGER, firstDelayMs: 100, maxDelayMs: 5000 };

export function createBlockSender(options: BlockSenderOptions): BlockSender {
  return new OrderedSender(options);
}

class OrderedSender implements BlockSender {
  readonly counters: SenderCounters = {
    blocks: 0,
    lastBlock: 0,
    records: 0,
    bytes: 0,
    retries: 0,
    pendingBytes: 0,
    abandonedRecords: 0,
  };
  readonly #options: BlockSenderOptions;
  readonly #encoder = createFlowEncoder();
  readonly #queue: Block[] = [];
  readonly #stopping = new AbortController();
  #scratch = new Uint8Array(0);
  #working: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: BlockSenderOptions) {
    this.#options = options;
    this.counters.lastBlock = options.lastBlock;
  }

  get full(): boolean {
    return this.counters.pendingBytes >= this.#options.maxPendingBytes;
  }

  add(records: Uint8Array, count: number): void {
    if (count === 0) return;
    const { node, bootId, nextBlock, clockOffsetNs, rulesOf } = this.#options;
    const header: BlockHeader = {
      ...{ node, bootId, block: nextBlock() },
      clockOffsetNs: clockOffsetNs(),
      rules: rulesOf(records, count),
    };
    const room = this.#encoder.maxBytes(header, count);
    if (this.#scratch.length < room) this.#scratch = new Uint8Array(room);
    const length = this.#encoder.encode(header, records, count, this.#scratch);
    // The carrier keeps what it is given; the scratch is for the next block.
    this.#queue.push({
      number: header.block,
      value: this.#scratch.slice(0, length),
      records: count,
    });
    this.counters.pendingBytes += length;
    this.#working ??= this.#work();
  }

  async room(): Promise<void> {
    while (this.full && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async flush(timeoutMs: number): Promise<boolean> {
    const done = this.#working;
    if (done === undefined) return true;
    const timeout = new AbortController();
    const inTime = await Promise.race([
      done.then(() => true),
      pause(timeoutMs, timeout.signal).then(() => false),
    ]);
    timeout.abort();
    return inTime;
  }

  abandon(): void {
    this.#stopping.abort();
    this.#wake();
  }

  async #work(): Promise<void> {
    for (let block = this.#queue.shift(); block !== undefined; block = this.#queue.shift()) {
      await this.#sendOne(block);
      this.counters.pendingBytes -= block.value.length;
      if (!this.full) this.#wake();
    }
    this.#working = undefined;
  }

  async #sendOne(block: Block): Promise<void> {
    const { bus, log, node } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await bus.send(topics.flows.name, [{ key: node, value: block.value }]);
        this.counters.blocks++;
        this.counters.lastBlock = block.number;
        this.counters.records += block.records;
        this.counters.bytes += block.value.length;
        return;
      } catch (error) {
        this.counters.retries++;
        if (attempt % 10 === 1) {
          log.warn({ error, attempt }, "the bus took no flows; trying again");
        }
        await pause(retryDelayMs(retry, attempt + 1), signal);
      }
    }
    this.counters.abandonedRecords += block.records;
  }

  #wake(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const resolve of woken) resolve();
  }
}
