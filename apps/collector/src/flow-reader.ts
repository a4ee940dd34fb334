import { flowLayout, flowRecordBytes, flowSymbols } from "@weir/codec";
import { RingReader, openIterator } from "libbpf-ts";
import type { BlockSender } from "./block-sender.ts";
import type { Datapath } from "./datapath.ts";

const opened = flowSymbols.kind.indexOf("opened");
/** The kernel fills this much of an iterator's buffer at once; a smaller read would cost more calls. */
const iteratorReadBytes = 32 << 10;

export interface ReaderOptions {
  datapath: Datapath;
  sender: BlockSender;
  maxBlockRecords: number;
}

export interface ReaderCounters {
  /** Edges of new connections: counted only, they carry no numbers. */
  opened: number;
  edges: number;
  swept: number;
  /** Drains and sweeps left out because the bus was behind. */
  postponed: number;
  /** Entries the last whole sweep has seen. */
  flowsLive: number;
  /** Flows that the LRU gave up, at least. */
  flowsEvicted: number;
}

/** Reads what the kernel has: the ring's edges, and by the sweep what changed in the flow map. */
export interface FlowReader extends Disposable {
  /** Empties the ring; never blocks. Returns the records found. */
  drain(): number;
  /** Sends the edges that have been gathered. */
  sendEdges(): void;
  /**
   * Goes through the flow map once. `flush`: everything is reported, due or not, and flows of
   * interfaces that are no endpoints any more are forgotten.
   */
  sweep(flush?: boolean): Promise<void>;
  readonly counters: Readonly<ReaderCounters>;
}

export function createFlowReader(options: ReaderOptions): FlowReader {
  return new KernelReader(options);
}

class KernelReader implements FlowReader {
  readonly counters: ReaderCounters = {
    opened: 0,
    edges: 0,
    swept: 0,
    postponed: 0,
    flowsLive: 0,
    flowsEvicted: 0,
  };
  readonly #datapath: Datapath;
  readonly #sender: BlockSender;
  readonly #ring: RingReader;
  readonly #edges: Uint8Array;
  readonly #swept: Uint8Array;
  #gathered = 0;

  constructor({ datapath, sender, maxBlockRecords }: ReaderOptions) {
    this.#datapath = datapath;
    this.#sender = sender;
    this.#ring = new RingReader(datapath.map("events"));
    this.#edges = new Uint8Array(maxBlockRecords * flowRecordBytes);
    this.#swept = new Uint8Array(Math.max(this.#edges.length, 2 * iteratorReadBytes));
  }

  drain(): number {
    let found = 0;
    for (;;) {
      if (this.#sender.full) {
        this.counters.postponed++;
        return found;
      }
      const free = this.#edges.subarray(this.#gathered * flowRecordBytes);
      const count = this.#ring.drainInto(free, flowRecordBytes);
      if (count === 0) return found;
      found += count;
      const kept = dropEmpty(free, count);
      this.counters.edges += kept;
      this.counters.opened += count - kept;
      this.#gathered += kept;
      if ((this.#gathered + 1) * flowRecordBytes > this.#edges.length) this.sendEdges();
    }
  }

  sendEdges(): void {
    this.#sender.add(this.#edges, this.#gathered);
    this.#gathered = 0;
  }

  async sweep(flush = false): Promise<void> {
    if (this.#sender.full) {
      this.counters.postponed++;
      if (!flush) return;
      await this.#sender.room();
    }
    const { globals } = this.#datapath.object;
    const before = readDrops(this.#datapath);
    globals.set("swept_flows", 0n);
    if (flush) this.#datapath.setFlush(true);
    try {
      await this.#readThrough();
    } finally {
      if (flush) this.#datapath.setFlush(false);
    }
    const live = Number(globals.get("swept_flows"));
    const after = readDrops(this.#datapath);
    this.counters.flowsLive = live;
    // Created before, deleted after: what comes and goes meanwhile makes it smaller, never larger.
    const evicted = before.flowsCreated - after.flowsDeleted - live;
    this.counters.flowsEvicted = Math.max(this.counters.flowsEvicted, evicted, 0);
  }

  async #readThrough(): Promise<void> {
    const { object } = this.#datapath;
    using reader = openIterator(object.program("sweep"), { map: this.#datapath.map("flows") });
    let filled = 0;
    for (;;) {
      const read = reader.readInto(this.#swept.subarray(filled));
      filled += read;
      if (read > 0 && filled + iteratorReadBytes <= this.#swept.length) continue;
      const count = filled / flowRecordBytes;
      this.counters.swept += count;
      this.#sender.add(this.#swept, count);
      if (read === 0) return;
      filled = 0;
      // What the kernel has handed over is ours; what it has not stays counted in its map.
      await this.#sender.room();
    }
  }

  [Symbol.dispose](): void {
    this.#ring.close();
  }
}

/**
 * Closes the gaps that records without numbers leave: the edge of a new connection, or one whose
 * counters another CPU had just taken. Returns the records kept.
 */
function dropEmpty(records: Uint8Array, count: number): number {
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const at = index * flowRecordBytes;
    if (records[at + flowLayout.kind.offset] === opened || isEmpty(records, at)) continue;
    if (kept !== index) records.copyWithin(kept * flowRecordBytes, at, at + flowRecordBytes);
    kept++;
  }
  return kept;
}

function isEmpty(records: Uint8Array, at: number): boolean {
  const from = at + flowLayout.packets.offset;
  for (let index = from; index < from + 32; index++) if (records[index] !== 0) return false;
  return true;
}

/** enum weir_drop. */
export interface Drops {
  ringFull: number;
  mapFull: number;
  fragmentMap: number;
  flowsCreated: number;
  flowsDeleted: number;
  /** Packets that went the long way because their pod was going. */
  peerGone: number;
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
  };
}
