import { createFlowDecoder } from "@weir/codec";
import type { FlowColumns } from "@weir/codec";
import { ReasonTexts } from "@weir/identity";
import type { ExternalNetworks, IdentityIndex } from "@weir/identity";
import { FlowRows } from "@weir/store";
import { EndNames } from "./end-names.ts";
import { ReasonNames } from "./reason-names.ts";

/**
 * Rows of one insert: an engine does less for each the more there are. No setting, and part of the
 * token: the same batch must fall into the same inserts after a restart. A writer takes up to
 * 135 MB for them, and there is one for each partition at most.
 */
export const rowsPerInsert = 300_000;

/** Names of one column that are kept from insert to insert; past it, all are looked up anew. */
const maxNames = 131_072;

/** Rows of a block older than the table keeps, or from a clock that is wrong. */
const MAX_AGE_US = 30 * 86_400 * 1e6;
const MAX_FUTURE_US = 3600 * 1e6;

/**
 * Turns flow blocks into rows of the table `flows`, column by column. Who an address was is asked
 * once per address and block, as long as that did not change within the block's time.
 */
export class FlowWriter {
  /** Ends of rows that nobody is known for, since the writer was made. */
  unknownEnds = 0;
  /** Rows of blocks that the store has, since the last clear. */
  repeatedRows = 0;
  #decoder = createFlowDecoder();
  #rows = new FlowRows(rowsPerInsert);
  #sources: EndNames;
  #destinations: EndNames;
  #reasons = new ReasonNames(this.#rows);

  constructor(identity: IdentityIndex, networks: () => ExternalNetworks) {
    const ends = { identity, networks };
    this.#sources = new EndNames({ ...ends, intern: (party) => this.#rows.source(party) });
    this.#destinations = new EndNames({
      ...ends,
      intern: (party) => this.#rows.destination(party),
    });
  }

  get rows(): number {
    return this.#rows.rows;
  }

  /** Rows of this insert, those passed over as repeats included: what its bounds go by. */
  get span(): number {
    return this.rows + this.repeatedRows;
  }

  /**
   * Adds a block's rows, or passes over them where `isRepeat` says so. Calls `full` and begins a new
   * insert whenever one is full. Throws CodecError or ImplausibleBlock, without having added
   * anything, for what no row can be made of.
   */
  async add(
    message: Uint8Array,
    nowUs: number,
    isRepeat: (block: FlowColumns) => Promise<boolean>,
    full: () => Promise<void>,
  ): Promise<number> {
    const columns = this.#decoder.decode(message);
    refuseImplausible(columns, nowUs);
    const reasons = new ReasonTexts(columns.rules);
    const repeats = await isRepeat(columns);
    for (let begin = 0; begin < columns.count;) {
      if (this.span === rowsPerInsert) await full();
      const end = Math.min(columns.count, begin + rowsPerInsert - this.span);
      if (repeats) this.repeatedRows += end - begin;
      else this.#append(columns, begin, end, reasons);
      begin = end;
    }
    return columns.count;
  }

  /** The rows so far as a Native block. */
  encode(): Uint8Array {
    return this.#rows.encode();
  }

  clear(): void {
    this.repeatedRows = 0;
    this.#rows.clear();
    if (this.#rows.held <= maxNames) return;
    this.#rows.forget();
    this.#sources.clear();
    this.#destinations.clear();
  }

  #append(columns: FlowColumns, begin: number, end: number, reasons: ReasonTexts): void {
    const { srcAddrIndex, srcPort, dstAddrIndex, dstPort, dns } = columns;
    const names = {
      sources: this.#sources.name(columns, srcAddrIndex, srcPort, begin, end),
      destinations: this.#destinations.name(columns, dstAddrIndex, dstPort, begin, end, dns),
      reasons: this.#reasons.name(columns, reasons, begin, end),
    };
    this.unknownEnds += this.#sources.unknown + this.#destinations.unknown;
    this.#rows.append(columns, begin, end, names);
  }
}

/** A block that is well formed and yet cannot be true. */
export class ImplausibleBlock extends Error {
  override readonly name = "ImplausibleBlock";
}

/**
 * One bad block must not stop the partition: times all over the years would make more parts than
 * the engine takes in one insert, and it would refuse the batch for ever.
 */
function refuseImplausible(columns: FlowColumns, nowUs: number): void {
  const { time, count, node, bootId, block } = columns;
  for (let row = 0; row < count; row++) {
    const at = time[row] as number;
    if (at >= nowUs - MAX_AGE_US && at <= nowUs + MAX_FUTURE_US) continue;
    const shown = Math.abs(at) < 8.64e18 ? new Date(at / 1000).toISOString() : String(at);
    // The ledger reads how many there were, and of which block.
    const whose = `block ${block} of boot ${bootId}, ${count} flows`;
    throw new ImplausibleBlock(`flow ${row} is of ${shown}: check the clock of ${node} (${whose})`);
  }
}
