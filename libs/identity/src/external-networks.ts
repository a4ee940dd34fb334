import { parseAddress, parseCidr } from "@weir/codec";
import type { Cidr } from "@weir/codec";
import { unknownParty } from "./workload-ref.ts";
import type { Party } from "./workload-ref.ts";

/** Networks of one list at most, and characters of a name. */
const maxNetworks = 100_000;
const maxNameChars = 253;
const addressBits = 128;

/** A line that is no network and name; `message` says which and why. */
export class NetworkListError extends Error {
  override readonly name = "NetworkListError";
}

/**
 * Names of networks outside the cluster, the most specific first. A tree of bits in one array: a
 * look-up takes one step a bit and allocates nothing.
 */
export class ExternalNetworks {
  readonly size: number;
  /** Two children and a party a node; 0 is none. Node 1 is the root. */
  #nodes = new Int32Array(3 * 256);
  #used = 1;
  readonly #parties: Party[] = [unknownParty];

  constructor(networks: readonly { network: Cidr; name: string }[] = []) {
    const byName = new Map<string, number>();
    for (const { network, name } of networks) {
      const party = byName.get(name) ?? this.#parties.push({ ...unknownParty, name }) - 1;
      byName.set(name, party);
      const node = this.#nodeOf(network);
      this.#nodes[3 * node + 2] = party;
    }
    this.size = networks.length;
  }

  /**
   * Reads lines of a network and its name, `203.0.113.0/24 partner bank`; `#` begins a comment, an
   * address alone is a network of one. Throws NetworkListError.
   */
  static parse(text: string): ExternalNetworks {
    const networks: { network: Cidr; name: string }[] = [];
    for (const [index, line] of text.split("\n").entries()) {
      const content = line.replace(/#.*/, "").trim();
      if (content === "") continue;
      if (networks.length === maxNetworks)
        throw new NetworkListError(`line ${index + 1}: more than ${maxNetworks} networks`);
      const [where = "", ...words] = content.split(/\s+/);
      const name = words.join(" ");
      if (name === "" || name.length > maxNameChars)
        throw new NetworkListError(
          `line ${index + 1}: write a network and its name of up to ${maxNameChars} characters, 203.0.113.0/24 partner`,
        );
      networks.push({ network: networkOf(where, index + 1), name });
    }
    return new ExternalNetworks(networks);
  }

  /** The party of the longest prefix of the 16 bytes at `offset`; undefined: none has them. */
  find(bytes: Uint8Array, offset = 0): Party | undefined {
    let node = 1;
    let found = 0;
    for (let bit = 0; node !== 0; bit++) {
      const party = this.#nodes[3 * node + 2] as number;
      if (party !== 0) found = party;
      if (bit === addressBits) break;
      node = this.#nodes[3 * node + bitOf(bytes, offset, bit)] as number;
    }
    return found === 0 ? undefined : this.#parties[found];
  }

  #nodeOf({ addr, prefixBits }: Cidr): number {
    let node = 1;
    for (let bit = 0; bit < prefixBits; bit++) {
      const at = 3 * node + bitOf(addr, 0, bit);
      if (this.#nodes[at] === 0) {
        this.#used++;
        if (3 * this.#used + 2 >= this.#nodes.length) this.#grow();
        this.#nodes[at] = this.#used;
      }
      node = this.#nodes[at] as number;
    }
    return node;
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#nodes.length);
    larger.set(this.#nodes);
    this.#nodes = larger;
  }
}

function networkOf(text: string, line: number): Cidr {
  try {
    if (text.includes("/")) return parseCidr(text);
    return { addr: parseAddress(text), prefixBits: addressBits };
  } catch (error) {
    throw new NetworkListError(`line ${line}: ${(error as Error).message}`, { cause: error });
  }
}

function bitOf(bytes: Uint8Array, offset: number, bit: number): number {
  return ((bytes[offset + (bit >> 3)] as number) >> (7 - (bit & 7))) & 1;
}
