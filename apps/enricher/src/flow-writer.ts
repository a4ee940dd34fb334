import { createFlowDecoder } from "@weir/codec";
import type { FlowColumns } from "@weir/codec";
import { ReasonTexts, partyAt, unknownParty } from "@weir/identity";
import type { IdentityIndex, Party } from "@weir/identity";
import { FlowRows } from "@weir/store";
import type { PartyIndex } from "@weir/store";

/**
 * Rows of one insert. Part of what a token means: the same batch must fall into the same inserts
 * after a restart, so this is no setting.
 */
export const rowsPerInsert = 100_000;

/** Rows of a block older than the table keeps, or from a clock that is wrong. */
const MAX_AGE_US = 30 * 86_400 * 1e6;
const MAX_FUTURE_US = 3600 * 1e6;

/**
 * Turns flow blocks into rows of the table `flows`. A row costs two lookups and stores into typed
 * arrays; nothing is allocated for it.
 */
export class FlowWriter {
  /** Ends of rows that nobody is known for, since the writer was made. */
  unknownEnds = 0;
  #decoder = createFlowDecoder();
  #rows = new FlowRows(rowsPerInsert);
  #sources = new Map<Party, PartyIndex>();
  #destinations = new Map<Party, PartyIndex>();
  #identity: IdentityIndex;

  constructor(identity: IdentityIndex) {
    this.#identity = identity;
  }

  get rows(): number {
    return this.#rows.rows;
  }

  /**
   * Adds a block's rows. Calls `full` and begins a new insert whenever one is full. Throws
   * CodecError or ImplausibleBlock, without having added anything, for what no row can be made of.
   */
  async add(message: Uint8Array, nowUs: number, full: () => Promise<void>): Promise<number> {
    const columns = this.#decoder.decode(message);
    refuseImplausible(columns, nowUs);
    const reasons = new ReasonTexts(columns.rules);
    for (let row = 0; row < columns.count; row++) {
      if (this.#rows.rows === rowsPerInsert) await full();
      this.#append(columns, row, reasons);
    }
    return columns.count;
  }

  /** The rows so far as a Native block. */
  encode(): Uint8Array {
    return this.#rows.encode();
  }

  clear(): void {
    this.#rows.clear();
    this.#sources.clear();
    this.#destinations.clear();
  }

  #append(columns: FlowColumns, row: number, reasons: ReasonTexts): void {
    const protocol = columns.protocol[row] as number;
    // Who it was at its latest packet: the record may have been made when the pod was gone.
    const at = columns.last[row] as number;
    const source = partyAt(
      this.#identity.find(columns.srcAddr, row * 16, at),
      columns.srcPort[row] as number,
      protocol,
    );
    const destination = partyAt(
      this.#identity.find(columns.dstAddr, row * 16, at),
      columns.dstPort[row] as number,
      protocol,
    );
    if (source === unknownParty) this.unknownEnds++;
    if (destination === unknownParty) this.unknownEnds++;
    let from = this.#sources.get(source);
    if (from === undefined) this.#sources.set(source, (from = this.#rows.source(source)));
    let to = this.#destinations.get(destination);
    if (to === undefined) {
      this.#destinations.set(destination, (to = this.#rows.destination(destination)));
    }
    const reason = reasons.text(
      columns.reason[row] as number,
      columns.generation[row] as number,
      columns.rule[row] as number,
    );
    this.#rows.append(columns, row, from, to, this.#rows.reason(reason));
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
function refuseImplausible({ time, count, node }: FlowColumns, nowUs: number): void {
  for (let row = 0; row < count; row++) {
    const at = time[row] as number;
    if (at >= nowUs - MAX_AGE_US && at <= nowUs + MAX_FUTURE_US) continue;
    const shown = Math.abs(at) < 8.64e18 ? new Date(at / 1000).toISOString() : String(at);
    throw new ImplausibleBlock(`flow ${row} is of ${shown}: check the clock of ${node}`);
  }
}
