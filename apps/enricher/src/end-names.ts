import type { FlowColumns } from "@weir/codec";
import { partyAt, unknownParty } from "@weir/identity";
import type { ExternalNetworks, IdentityIndex, Party } from "@weir/identity";
import { AddressNumbers } from "./address-numbers.ts";

const addressBytes = 16;
/** In place of a party's number. */
const notAsked = -1;
const askPerRow = -2;

/**
 * How much more than a block's own time is asked for, so that the answer serves later blocks: little
 * before, where a new pod has not been there, more after it, where nothing is known to change.
 */
const earlierUs = 5e6;
const laterUs = 600e6;

export interface EndNamesOptions {
  identity: IdentityIndex;
  /** For who is neither a workload nor asked for by name; asked anew each time. */
  networks: () => ExternalNetworks;
  /** Gives a party a number. */
  intern: (party: Party) => number;
}

/**
 * Numbers of the parties at one end of flows, for the store: the workload that had the address then,
 * else the name that the initiator had asked for, else the network's name.
 */
export class EndNames {
  /** Rows of the latest call that nobody is known for. */
  unknown = 0;
  readonly #options: EndNamesOptions;
  readonly #numbers = new Map<Party, number>();
  /** Of names that were asked for. */
  readonly #asked = new Map<string, number>();
  /** Numbers of parties that a name which was asked for says more than. */
  readonly #outside = new Set<number>();
  /** Of addresses of earlier blocks, as long as nothing changes. */
  readonly #remembered = new AddressNumbers();
  #rememberedOf: { version: number; networks: ExternalNetworks } | undefined;
  /** Of each address of the block. */
  #ofAddress = new Int32Array(256);
  #ofRow = new Uint32Array(256);

  constructor(options: EndNamesOptions) {
    this.#options = options;
  }

  /** Forgets the numbers: the store begins anew. */
  clear(): void {
    this.#numbers.clear();
    this.#asked.clear();
    this.#outside.clear();
    this.#remembered.clear();
  }

  /**
   * A number for each of the rows from `begin` to `end`, at its row. Valid until the next call.
   * `dns` has the place of the name that was asked for, 0 for none.
   */
  name(
    columns: FlowColumns,
    addressOfRow: Uint32Array,
    ports: Uint16Array,
    begin: number,
    end: number,
    dns?: Uint32Array,
  ): Uint32Array {
    this.#fit(columns);
    this.#forgetWhatChanged();
    this.unknown = 0;
    const { addresses } = columns;
    const view = new DataView(addresses.buffer, addresses.byteOffset, addresses.byteLength);
    const [ofAddress, ofRow] = [this.#ofAddress, this.#ofRow];
    const period = latestPackets(columns.last, begin, end);
    for (let row = begin; row < end; row++) {
      const address = addressOfRow[row] as number;
      let number = ofAddress[address] as number;
      if (number === notAsked) {
        number = this.#ask(view, addresses, address * addressBytes, period);
        ofAddress[address] = number;
      }
      if (number === askPerRow)
        number = this.#numberAt(columns, row, address, ports[row] as number);
      const place = dns === undefined ? 0 : (dns[row] as number);
      if (place !== 0 && this.#outside.has(number))
        number = this.#numberAsked(columns.names[place - 1] ?? "");
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

  #ask(view: DataView, addresses: Uint8Array, at: number, { from, until }: Period): number {
    const remembered = this.#remembered.get(view, at, from, until);
    if (remembered !== undefined) return remembered;
    const [earlier, later] = [from - earlierUs, until + laterUs];
    const number = this.#numberThroughout(addresses, at, earlier, later);
    if (number === undefined)
      return this.#numberThroughout(addresses, at, from, until) ?? askPerRow;
    this.#remembered.set(view, at, earlier, later, number);
    return number;
  }

  /** Undefined where it is not one and the same all the time. */
  #numberThroughout(
    addresses: Uint8Array,
    at: number,
    from: number,
    until: number,
  ): number | undefined {
    const ref = this.#options.identity.findThroughout(addresses, at, from, until);
    if (ref === "varies") return undefined;
    // Who is at an address of a host depends on the port.
    if (ref?.listeners !== undefined) return askPerRow;
    return ref === undefined ? this.#numberOutside(addresses, at) : this.#number(ref.party);
  }

  #forgetWhatChanged(): void {
    const { version } = this.#options.identity;
    const networks = this.#options.networks();
    const of = this.#rememberedOf;
    if (of?.version === version && of.networks === networks) return;
    this.#rememberedOf = { version, networks };
    this.#remembered.clear();
  }

  #numberAt(columns: FlowColumns, row: number, address: number, port: number): number {
    const { addresses, last, protocol } = columns;
    const at = address * addressBytes;
    // Who it was at its latest packet: the record may have been made when the pod was gone.
    const ref = this.#options.identity.find(addresses, at, last[row] as number);
    if (ref === undefined) return this.#numberOutside(addresses, at);
    return this.#number(partyAt(ref, port, protocol[row] as number));
  }

  #numberOutside(addresses: Uint8Array, at: number): number {
    const number = this.#number(this.#options.networks().find(addresses, at) ?? unknownParty);
    this.#outside.add(number);
    return number;
  }

  #numberAsked(name: string): number {
    let number = this.#asked.get(name);
    if (number === undefined)
      this.#asked.set(name, (number = this.#options.intern({ ...unknownParty, name })));
    return number;
  }

  #number(party: Party): number {
    let number = this.#numbers.get(party);
    if (number === undefined) this.#numbers.set(party, (number = this.#options.intern(party)));
    return number;
  }
}

interface Period {
  from: number;
  until: number;
}

/** From the earliest to the latest of the rows' latest packets, microseconds since 1970. */
export function latestPackets(last: Float64Array, begin: number, end: number): Period {
  let [from, until] = [Infinity, -Infinity];
  for (let row = begin; row < end; row++) {
    const at = last[row] as number;
    if (at < from) from = at;
    if (at > until) until = at;
  }
  return { from, until };
}
