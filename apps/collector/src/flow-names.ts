import { flowLayout, flowRecordBytes, flowSymbols } from "@weir/codec";
import type { AnsweredNames } from "@weir/identity";

/** Puts into records which name the initiator had asked for, for a block that lists the names. */
export interface FlowNames {
  /**
   * Writes `dns` of the first `count` records and returns the names that it counts. Only records
   * of an initiator's own interface have one: nobody else asked.
   */
  into(records: Uint8Array, count: number): string[];
}

const egress = flowSymbols.direction.indexOf("egress");
const recordWords = flowRecordBytes / 4;
const at = {
  first: flowLayout.first.offset / 4,
  ifindex: flowLayout.ifindex.offset / 4,
  dns: flowLayout.dns.offset / 4,
} as const;

export function createFlowNames(names: AnsweredNames): FlowNames {
  return new ListedNames(names);
}

class ListedNames implements FlowNames {
  readonly #names: AnsweredNames;
  /** Of each name: the latest block that listed it, and its place there. */
  #listedIn = new Uint32Array(256);
  #places = new Uint32Array(256);
  #block = 0;

  constructor(names: AnsweredNames) {
    this.#names = names;
  }

  into(records: Uint8Array, count: number): string[] {
    const { pool } = this.#names;
    const listed: string[] = [];
    this.#begin(pool.numbersEnd);
    // Aligned: records are copied to the front of a buffer of their own.
    const words = new Uint32Array(records.buffer, records.byteOffset, count * recordWords);
    for (let row = 0; row < count; row++) {
      const byte = row * flowRecordBytes;
      if (records[byte + flowLayout.direction.offset] !== egress) continue;
      const word = row * recordWords;
      const firstMs =
        ((words[word + at.first + 1] as number) * 4_294_967_296 +
          (words[word + at.first] as number)) /
        1e6;
      const ifindex = words[word + at.ifindex] as number;
      const to = byte + flowLayout.dst_addr.offset;
      const number = this.#names.find(ifindex, records, to, firstMs);
      if (number === 0) continue;
      if (this.#listedIn[number] !== this.#block) {
        this.#listedIn[number] = this.#block;
        this.#places[number] = listed.push(pool.text(number));
      }
      words[word + at.dns] = this.#places[number] as number;
    }
    return listed;
  }

  #begin(numbers: number): void {
    this.#block = (this.#block + 1) >>> 0;
    if (numbers <= this.#places.length && this.#block !== 0) return;
    // Grown, or come round: nothing is listed anywhere.
    this.#block = 1;
    const room = Math.max(this.#places.length, 2 * numbers);
    this.#listedIn = new Uint32Array(room);
    this.#places = new Uint32Array(room);
  }
}
