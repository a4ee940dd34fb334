import type { FlowColumns } from "@weir/codec";
import { partyAt, unknownParty } from "@weir/identity";
import type { IdentityIndex, Party } from "@weir/identity";

const addressBytes = 16;
/** In place of a party's number. */
const notAsked = -1;
const askPerRow = -2;

/** Numbers of the parties at one end of flows, for the store. */
export class EndNames {
  /** Rows of the latest call that nobody is known for. */
  unknown = 0;
  readonly #identity: IdentityIndex;
  readonly #intern: (party: Party) => number;
  readonly #numbers = new Map<Party, number>();
  /** Of each address of the block. */
  #ofAddress = new Int32Array(256);
  #ofRow = new Uint32Array(256);

  constructor(identity: IdentityIndex, intern: (party: Party) => number) {
    this.#identity = identity;
    this.#intern = intern;
  }

  /** Forgets the numbers: the store begins anew. */
  clear(): void {
    this.#numbers.clear();
  }

  /** A number for each of the rows from `begin` to `end`, at its row. Valid until the next call. */
  name(
    columns: FlowColumns,
    addressOfRow: Uint32Array,
    ports: Uint16Array,
    begin: number,
    end: number,
  ): Uint32Array {
    this.#fit(columns);
    this.unknown = 0;
    const [ofAddress, ofRow] = [this.#ofAddress, this.#ofRow];
    const period = latestPackets(columns.last, begin, end);
    for (let row = begin; row < end; row++) {
      const address = addressOfRow[row] as number;
      let number = ofAddress[address] as number;
      if (number === notAsked) {
        number = this.#ask(columns.addresses, address, period);
        ofAddress[address] = number;
      }
      if (number === askPerRow)
        number = this.#numberAt(columns, row, address, ports[row] as number);
      ofRow[row] = number;
    }
    const nobody = this.#numbers.get(unknownParty);
    for (let row = begin; row < end; row++) if (ofRow[row] === nobody) this.unknown++;
    return ofRow;
  }

  #fit({ addresses, count }: FlowColumns): void {
    const needed = addresses.length / addressBytes;
    if (this.#ofAddress.length < needed) this.#ofAddress = new Int32Array(2 * needed);
    this.#ofAddress.fill(notAsked, 0, needed);
    if (this.#ofRow.length < count) this.#ofRow = new Uint32Array(2 * count);
  }

  #ask(addresses: Uint8Array, address: number, period: { from: number; until: number }): number {
    const { from, until } = period;
    const ref = this.#identity.findThroughout(addresses, address * addressBytes, from, until);
    // Who is at an address of a host depends on the port.
    if (ref === "varies" || ref?.listeners !== undefined) return askPerRow;
    return this.#number(ref?.party ?? unknownParty);
  }

  #numberAt(columns: FlowColumns, row: number, address: number, port: number): number {
    // Who it was at its latest packet: the record may have been made when the pod was gone.
    const at = columns.last[row] as number;
    const ref = this.#identity.find(columns.addresses, address * addressBytes, at);
    return this.#number(partyAt(ref, port, columns.protocol[row] as number));
  }

  #number(party: Party): number {
    let number = this.#numbers.get(party);
    if (number === undefined) this.#numbers.set(party, (number = this.#intern(party)));
    return number;
  }
}

function latestPackets(
  last: Float64Array,
  begin: number,
  end: number,
): { from: number; until: number } {
  let [from, until] = [Infinity, -Infinity];
  for (let row = begin; row < end; row++) {
    const at = last[row] as number;
    if (at < from) from = at;
    if (at > until) until = at;
  }
  return { from, until };
}
