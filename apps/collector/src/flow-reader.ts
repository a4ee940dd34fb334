import { flowRecordBytes } from "@weir/codec";
import { RingReader, openIterator } from "libbpf-ts";
import type { BlockSender } from "./block-sender.ts";
import type { Datapath } from "./datapath.ts";
import { Gaps } from "./gaps.ts";
import type { Journal, JournalArea } from "./journal.ts";
import { pageSize } from "./page-size.ts";

/**
 * Most times that a flush goes through the map. Where an entry was deleted the walk may pass its
 * neighbour over, and what is told for the last time has to be all there is.
 */
const flushPassesMax = 10;

/**
 * The kernel fills this much of an iterator's buffer at once (bpf_iter.c: 8 pages). A smaller read
 * would leave records there that are out of the map already.
 */
const iteratorPages = 8;

export interface ReaderOptions {
  datapath: Datapath;
  sender: BlockSender;
  journal: Journal;
}

export interface ReaderCounters {
  /** Of the ring; those of new connections are counted only, they carry no numbers. */
  edges: number;
  swept: number;
  /** Drains and sweeps left out because neither disk nor bus took what was read before. */
  postponed: number;
  /** Records of a process before, found in the journal. */
  recovered: number;
  /** Entries the last whole sweep has seen. */
  flowsLive: number;
  /** How long the last sweep took, blocks and waiting for their room included. */
  sweepMs: number;
  /** The longest that the ring was not emptied, in the last two to four seconds. */
  drainGapMs: number;
}

export interface SweepOptions {
  /** Everything is reported, due or not, and flows of interfaces that are no endpoints any more go. */
  flush?: boolean;
  /** How long to wait for room, which only a journal without a spool behind it ever lacks; without: for ever. */
  patienceMs?: number;
}

/** Reads what the kernel has: the ring's edges, and by the sweep what changed in the flow map. */
export interface FlowReader extends Disposable {
  /** What a process that died had taken and not put into the spool. Once, before all else. */
  recover(): void;
  /** Empties the ring; never blocks. Returns the records found. */
  drain(): number;
  /** Sends the edges that have been gathered. */
  sendEdges(): void;
  /**
   * Goes through the flow map once; false where nobody took what was read, and the rest waits in the
   * map.
   */
  sweep(options?: SweepOptions): Promise<boolean>;
  readonly counters: Readonly<ReaderCounters>;
}

export function createFlowReader(options: ReaderOptions): FlowReader {
  return new KernelReader(options);
}

class KernelReader implements FlowReader {
  readonly counters: ReaderCounters = {
    edges: 0,
    swept: 0,
    postponed: 0,
    recovered: 0,
    ...{ flowsLive: 0, sweepMs: 0, drainGapMs: 0 },
  };
  readonly #datapath: Datapath;
  readonly #sender: BlockSender;
  readonly #ring: RingReader;
  readonly #edges: JournalArea;
  readonly #swept: JournalArea;
  readonly #journal: Journal;
  #gathered = 0;
  /** Bytes of the swept area that are in no block yet; a pass that failed leaves some. */
  #filled = 0;
  readonly #gaps = new Gaps();
  readonly #readBytes = iteratorPages * pageSize();

  constructor({ datapath, sender, journal }: ReaderOptions) {
    this.#datapath = datapath;
    this.#sender = sender;
    this.#ring = new RingReader(datapath.map("events"));
    this.#journal = journal;
    this.#edges = journal.edges;
    this.#swept = journal.swept;
  }

  recover(): void {
    this.#edges.afterDeath(this.#ring.position);
    for (const area of this.#journal.pending()) {
      const count = area.count();
      this.counters.recovered += count;
      this.#sender.add(area, count);
    }
    this.#journal.wipe();
  }

  drain(): number {
    this.counters.drainGapMs = this.#gaps.note(performance.now());
    const { records } = this.#edges;
    let found = 0;
    for (;;) {
      if (this.#edges.isHeld) {
        this.counters.postponed++;
        return found;
      }
      const free = records.subarray(this.#gathered * flowRecordBytes);
      this.#edges.beforeDrain(this.#ring.position, this.#gathered);
      const count = this.#ring.drainInto(free, flowRecordBytes);
      if (count === 0) return found;
      found += count;
      this.counters.edges += count;
      this.#gathered += count;
      if ((this.#gathered + 1) * flowRecordBytes > records.length) this.sendEdges();
    }
  }

  sendEdges(): void {
    if (this.#gathered === 0) return;
    this.#sender.add(this.#edges, this.#gathered);
    this.#gathered = 0;
  }

  async sweep({ flush = false, patienceMs = Infinity }: SweepOptions = {}): Promise<boolean> {
    this.#sendSwept();
    if (this.#swept.isHeld) {
      this.counters.postponed++;
      if (!flush) return false;
      await this.#sender.room(this.#swept, patienceMs);
      if (this.#swept.isHeld) return false;
    }
    if (flush) this.#datapath.setFlush(true);
    try {
      for (let pass = 0; pass < (flush ? flushPassesMax : 1); pass++) {
        const { flowsDeleted } = readDrops(this.#datapath);
        if (!(await this.#pass(patienceMs))) return false;
        if (readDrops(this.#datapath).flowsDeleted === flowsDeleted) return true;
      }
      return true;
    } finally {
      if (flush) this.#datapath.setFlush(false);
    }
  }

  /** False where nobody took what was read. */
  async #pass(patienceMs: number): Promise<boolean> {
    const { globals } = this.#datapath.object;
    globals.set("swept_flows", 0n);
    const begun = performance.now();
    const isWhole = await this.#readThrough(patienceMs);
    this.counters.sweepMs = Math.ceil(performance.now() - begun);
    if (isWhole) this.counters.flowsLive = Number(globals.get("swept_flows"));
    return isWhole;
  }

  async #readThrough(patienceMs: number): Promise<boolean> {
    // The block of the pass before may be held here still.
    await this.#sender.room(this.#swept, patienceMs);
    if (this.#swept.isHeld) return false;
    const { object } = this.#datapath;
    using reader = openIterator(object.program("sweep"), { map: this.#datapath.map("flows") });
    const { records } = this.#swept;
    for (;;) {
      // Straight into the journal: what the kernel has taken out of its map is there, or here.
      // On another thread: a million entries take half a second, and the ring has to be emptied.
      const read = await reader.readIntoAsync(records.subarray(this.#filled));
      this.#filled += read;
      if (read > 0 && this.#filled + this.#readBytes <= records.length) continue;
      this.#sendSwept();
      if (read === 0) return true;
      // What the kernel has not handed over stays counted in its map.
      await this.#sender.room(this.#swept, patienceMs);
      if (this.#swept.isHeld) return false;
    }
  }

  /** Where it throws, what was read stays, and the next sweep begins with it. */
  #sendSwept(): void {
    const count = this.#filled / flowRecordBytes;
    if (count === 0) return;
    this.#sender.add(this.#swept, count);
    this.counters.swept += count;
    this.#filled = 0;
  }

  [Symbol.dispose](): void {
    this.#ring.close();
  }
}

/** enum weir_drop. */
export interface Drops {
  ringFull: number;
  /** Connections without an entry: the map was full. */
  mapFull: number;
  fragmentMap: number;
  flowsCreated: number;
  flowsDeleted: number;
  /** Packets that went the long way because their pod was going. */
  peerGone: number;
  /** Packets at interfaces that no odometer could be made for. */
  uncounted: number;
  /** Connections without an entry: their interface had its share. */
  flowShare: number;
  /** Edges of interfaces that had used up their budget. */
  edgeBudget: number;
  /** Edges not told whose counts are told under the verdict that came after. */
  edgeMerged: number;
  /** Before Linux 5.12: edges of flows that another CPU was just telling. As a full ring. */
  edgeTaken: number;
  /** Packets that met an entry just being deleted: untracked, in the odometers. */
  flowGone: number;
}

/** Totals over all CPUs since the maps were made. */
export function readDrops(datapath: Datapath): Drops {
  const drops = datapath.map("drops").typed<number, bigint>();
  const total = (cause: number): number =>
    Number((drops.perCpu(cause) ?? []).reduce((sum, count) => sum + count, 0n));
  return {
    ringFull: total(0),
    mapFull: total(1),
    fragmentMap: total(2),
    flowsCreated: total(3),
    flowsDeleted: total(4),
    peerGone: total(5),
    uncounted: total(6),
    flowShare: total(7),
    edgeBudget: total(8),
    edgeMerged: total(9),
    edgeTaken: total(10),
    flowGone: total(11),
  };
}
