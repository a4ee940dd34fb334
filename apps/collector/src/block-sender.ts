import { topics } from "@weir/bus";
import type { Bus, Spool, SpoolEntry } from "@weir/bus";
import { createFlowEncoder, flowRecordBytes } from "@weir/codec";
import type { BlockHeader } from "@weir/codec";
import { pause, retryDelayMs } from "@weir/runtime";
import type { Log } from "@weir/runtime";
import type { BlockKnowledge } from "./block-knowledge.ts";
import type { BlockClock } from "./clock.ts";
import { keepNumbered } from "./edge-records.ts";
import type { Journal, JournalArea } from "./journal.ts";

export interface BlockSenderOptions {
  bus: Bus;
  log: Log;
  node: string;
  bootId: string;
  journal: Journal;
  /** Undefined where there is no disk for one: two blocks wait in the journal, no more. */
  spool: Spool | undefined;
  /** Most bytes handed to the bus at once. */
  maxSendBytes: number;
  /** Between the beginnings of two sends, unless so many bytes wait, or what waits is not on disk. */
  sendIntervalMs: number;
  clock: BlockClock;
  /** Texts of the rules that occur in these records. */
  rulesOf: (records: Uint8Array, count: number) => BlockHeader["rules"];
  knowledge: Pick<BlockKnowledge, "into">;
}

/**
 * Makes blocks of the journal's records, puts them into the spool and hands them to the bus from
 * there, in order. Where the disk refuses, a block stays in the journal until the bus has it.
 */
export interface BlockSender {
  /** Makes a block of the area's first `count` records; the area is empty when the disk has it. */
  add(area: JournalArea, count: number): void;
  /** Blocks that another process left in the spool. */
  start(): void;
  /** Resolves when the area is empty again, or there is nothing to wait for: the stop, no patience. */
  room(area: JournalArea, patienceMs: number): Promise<void>;
  /**
   * Resolves when the bus has everything; false when that was not so within `timeoutMs`. From now on
   * no block waits for others.
   */
  flush(timeoutMs: number): Promise<boolean>;
  /** Sends nothing more; what is in the spool and the journal is the next process'. */
  abandon(): void;
  readonly counters: Readonly<SenderCounters>;
}

export interface SenderCounters {
  /** Blocks of these maps that are with the bus or given up by the spool, and their records. */
  blocks: number;
  lastBlock: number;
  records: number;
  /** Sent by this process. */
  sentBlocks: number;
  sentRecords: number;
  bytes: number;
  /** Of an earlier boot, or of maps that are gone. */
  earlierBlocks: number;
  /** Attempts that the bus refused; each was tried again. */
  retries: number;
  /** Blocks the spool's disk refused; they went to the bus from memory. */
  refusedByDisk: number;
  /** How long the bus was away the last time, and how long it then took to send what had waited. */
  awayMs: number;
  catchUpMs: number;
}

interface Parcel {
  number: number;
  total: number;
  stream: string;
  records: number;
  value: Uint8Array;
  entry?: SpoolEntry;
  area?: JournalArea;
  count?: number;
}

const retry = { maxAttempts: Number.MAX_SAFE_INTEGER, firstDelayMs: 100, maxDelayMs: 5000 };
/** A send that takes longer has met a bus that hangs. */
const hangMs = 5000;

export function createBlockSender(options: BlockSenderOptions): BlockSender {
  return new OrderedSender(options);
}

class OrderedSender implements BlockSender {
  readonly counters: SenderCounters = {
    ...{ blocks: 0, lastBlock: 0, records: 0, sentBlocks: 0, sentRecords: 0, bytes: 0 },
    ...{ earlierBlocks: 0, retries: 0, refusedByDisk: 0, awayMs: 0, catchUpMs: 0 },
  };
  readonly #options: BlockSenderOptions;
  readonly #encoder = createFlowEncoder();
  readonly #stopping = new AbortController();
  readonly #hurrying = new AbortController();
  readonly #waitsNoMore = AbortSignal.any([this.#stopping.signal, this.#hurrying.signal]);
  /** Numbered, and only in the journal: at most one an area. */
  #held: Parcel[] = [];
  #records = new Uint8Array(0);
  #scratch = new Uint8Array(0);
  #working: Promise<void> | undefined;
  #waiting: (() => void)[] = [];
  /** There may be more than the round under way has seen. */
  #isAsked = false;
  #awaySince: number | undefined;
  #backSince: number | undefined;

  constructor(options: BlockSenderOptions) {
    this.#options = options;
    this.#tell();
  }

  add(area: JournalArea, count: number): void {
    const { journal } = this.#options;
    // Other records under the same number would be taken for a repeat.
    if (this.#held.some((one) => one.area === area))
      throw new Error(`block ${area.mark?.number} waits in the journal; nothing may be put there`);
    if (this.#records.length < area.records.length)
      this.#records = new Uint8Array(area.records.length);
    const kept = keepNumbered(area.records, count, this.#records);
    if (kept === 0) return area.clear(count);
    const mark = journal.number(area, kept);
    if (this.#isSpooled(mark.number)) return area.clear(count);
    const value = this.#encode(mark.number, kept);
    const parcel = { ...mark, stream: this.#options.bootId, records: kept, value };
    if (this.#held.length === 0 && this.#toSpool(parcel)) area.clear(count);
    // The scratch is for the next block.
    else this.#held.push({ ...parcel, value: value.slice(), area, count });
    this.start();
  }

  start(): void {
    this.#isAsked = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#isAsked && !this.#stopping.signal.aborted) this.start();
    });
  }

  /** The process before died between the spool and the clearing of the journal. */
  #isSpooled(number: number): boolean {
    const { spool, bootId, journal } = this.#options;
    if (number <= journal.settled.number) return true;
    return spool?.last.stream === bootId && spool.last.number >= number;
  }

  #encode(block: number, count: number): Uint8Array {
    const { node, bootId, clock, rulesOf, knowledge } = this.#options;
    const records = this.#records.subarray(0, count * flowRecordBytes);
    const header: BlockHeader = {
      ...{ node, bootId, block },
      // Before the clock: it moves the instants that names are looked up by.
      ...knowledge.into(records, count),
      clockOffsetNs: clock.offsetFor(records, count),
      rules: rulesOf(records, count),
    };
    const room = this.#encoder.maxBytes(header, count);
    if (this.#scratch.length < room) this.#scratch = new Uint8Array(room);
    return this.#scratch.subarray(0, this.#encoder.encode(header, records, count, this.#scratch));
  }

  #toSpool(parcel: Parcel): boolean {
    const { spool, log } = this.#options;
    if (spool === undefined) return false;
    try {
      spool.append(parcel);
      return true;
    } catch (error) {
      if (this.counters.refusedByDisk++ % 100 === 0)
        log.error({ error }, "the spool's disk takes no block; it goes to the bus from memory");
      return false;
    }
  }

  async room(area: JournalArea, patienceMs: number): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (area.isHeld && !this.#stopping.signal.aborted) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      const timer = Number.isFinite(leftMs) ? setTimeout(resolve, leftMs) : undefined;
      await promise;
      clearTimeout(timer);
      this.#waiting = this.#waiting.filter((one) => one !== resolve);
    }
  }

  async flush(timeoutMs: number): Promise<boolean> {
    this.#hurrying.abort();
    const done = this.#working;
    if (done === undefined) return this.#held.length === 0;
    const timeout = new AbortController();
    const inTime = await Promise.race([
      done.then(() => true),
      pause(timeoutMs, timeout.signal).then(() => false),
    ]);
    timeout.abort();
    return inTime && !this.#stopping.signal.aborted;
  }

  abandon(): void {
    this.#stopping.abort();
    this.#wake();
  }

  async #work(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#isAsked = false;
      const parcels = await this.#next();
      if (parcels.length === 0) {
        this.#noteMissing();
        break;
      }
      const begun = performance.now();
      if (await this.#send(parcels)) this.#settle(parcels);
      await this.#gather(begun);
    }
    if (this.#backSince !== undefined && !signal.aborted) {
      this.counters.catchUpMs = Math.round(performance.now() - this.#backSince);
      this.#backSince = undefined;
      const { awayMs, catchUpMs } = this.counters;
      this.#options.log.info({ awayMs, catchUpMs }, "everything that waited is with the bus");
    }
  }

  /** Lets blocks come together in the spool, for a while from when the last ones were sent. */
  async #gather(begun: number): Promise<void> {
    const { spool, maxSendBytes, sendIntervalMs } = this.#options;
    const waitingBytes = spool?.counters.waitingBytes ?? Infinity;
    if (this.#held.length > 0 || waitingBytes >= maxSendBytes) return;
    const leftMs = begun + sendIntervalMs - performance.now();
    if (leftMs > 0) await pause(leftMs, this.#waitsNoMore);
  }

  /** What the spool has, else what the journal holds. */
  async #next(): Promise<Parcel[]> {
    const { spool, log, maxSendBytes } = this.#options;
    for (let attempt = 1; !this.#stopping.signal.aborted; attempt++) {
      try {
        const entries = spool?.read(maxSendBytes) ?? [];
        if (entries.length > 0) return entries.map((entry) => ({ ...entry, entry }));
        return this.#held.slice(0, 1);
      } catch (error) {
        log.error({ error, attempt }, "the spool cannot be read; trying again");
        await pause(retryDelayMs(retry, attempt + 1), this.#stopping.signal);
      }
    }
    return [];
  }

  async #send(parcels: Parcel[]): Promise<boolean> {
    const { bus, log, node } = this.#options;
    const { signal } = this.#stopping;
    const messages = parcels.map(({ value }) => ({ key: node, value }));
    const begun = performance.now();
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await bus.send(topics.flows.name, messages);
        if (performance.now() - begun > hangMs) this.#awaySince ??= begun;
        this.#noteBack();
        return true;
      } catch (error) {
        this.counters.retries++;
        this.#awaySince ??= begun;
        this.#backSince = undefined;
        if (attempt % 10 === 1) log.warn({ error, attempt }, "the bus took no flows; trying again");
        this.#spoolHeld();
        // By now it may be the spool's turn to give it out.
        if (parcels[0]?.area?.isHeld === false) return false;
        await pause(retryDelayMs(retry, attempt + 1), signal);
      }
    }
    return false;
  }

  #noteBack(): void {
    if (this.#awaySince === undefined) return;
    this.#backSince = performance.now();
    this.counters.awayMs = Math.round(this.#backSince - this.#awaySince);
    this.#awaySince = undefined;
  }

  /** While the bus is away the disk may have come back. */
  #spoolHeld(): void {
    for (let held = this.#held[0]; held !== undefined; held = this.#held[0]) {
      if (!this.#toSpool(held)) return;
      this.#held.shift();
      this.#release(held);
    }
  }

  #settle(parcels: Parcel[]): void {
    const { spool, journal, bootId } = this.#options;
    for (const parcel of parcels) {
      this.counters.sentBlocks++;
      this.counters.sentRecords += parcel.records;
      this.counters.bytes += parcel.value.length;
      if (parcel.stream === bootId && parcel.number > journal.first)
        journal.settle(parcel, parcel.records, spool?.counters);
      else this.counters.earlierBlocks++;
      if (this.#held[0] === parcel) {
        this.#held.shift();
        this.#release(parcel);
      }
    }
    const last = parcels.at(-1)?.entry;
    if (last) spool?.release(last);
    this.#tell();
  }

  /** Nothing waits any more: a numbered block that did not come by will not come. */
  #noteMissing(): void {
    const { spool, journal } = this.#options;
    const isHolding = journal.edges.isHeld || journal.swept.isHeld;
    if (spool === undefined || isHolding || this.#stopping.signal.aborted) return;
    journal.settle(journal.last, 0, spool.counters);
    this.#tell();
  }

  #release({ area, count }: Parcel): void {
    if (area !== undefined) area.clear(count ?? 0);
    this.#wake();
  }

  #tell(): void {
    const { journal } = this.#options;
    const { number, total } = journal.settled;
    this.counters.lastBlock = number;
    this.counters.blocks = number - journal.first;
    this.counters.records = total;
  }

  #wake(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const resolve of woken) resolve();
  }
}
