import { GrowingBytes } from "./bytes.ts";
import type { ColumnBuilder } from "./column.ts";

/** String: text as UTF-8, or bytes as they are. */
export class StringColumn implements ColumnBuilder {
  readonly #bytes = new GrowingBytes();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  append(value: unknown): void {
    if (typeof value === "string") this.#bytes.appendString(value);
    else if (value instanceof Uint8Array) {
      this.#bytes.appendVarint(value.length);
      this.#bytes.append(value);
    } else throw new TypeError(`${String(value)} is neither text nor bytes`);
    this.#rows++;
  }

  clear(): void {
    this.#bytes.clear();
    this.#rows = 0;
  }

  writePrefix(): void {}

  writeData(out: GrowingBytes): void {
    out.append(this.#bytes.view());
  }
}

/**
 * LowCardinality(String): every distinct text once, a row is its index.
 *
 * Texts get numbers that `clear` leaves as they are (`hold`): who has the same texts block after
 * block looks each up once, not once a block. Only texts that rows have are in the block.
 */
export class DictionaryColumn implements ColumnBuilder {
  readonly #numbers = new Map<string, number>();
  /** Texts as they are written, one after the other by number, and where each ends. */
  readonly #texts = new GrowingBytes();
  #ends = new Uint32Array(64);
  /** Of each number, 1 + its index in this block; 0: it is not in it. */
  #indexOf = new Uint32Array(64);
  /** Numbers by their index. */
  #present = new Uint32Array(64);
  #presentCount = 0;
  readonly #keyBytes = new GrowingBytes();
  #indexes: Uint32Array;
  #rows = 0;

  constructor(capacityRows: number) {
    this.#indexes = new Uint32Array(capacityRows);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Texts that have a number. */
  get held(): number {
    return this.#numbers.size;
  }

  append(value: unknown): void {
    if (typeof value !== "string") throw new TypeError(`${String(value)} is no text`);
    this.putSame(this.hold(value), 1);
  }

  /** The number of `text`; valid until `forget`. */
  hold(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    this.#texts.appendString(text);
    if (number === this.#ends.length) {
      this.#ends = grown(this.#ends, 2 * number);
      this.#indexOf = grown(this.#indexOf, 2 * number);
    }
    this.#ends[number] = this.#texts.length;
    return number;
  }

  /** A row for each of `places`: the text whose number `numbers` has there. */
  putMapped(places: Uint8Array | Uint32Array, numbers: Uint32Array): void {
    this.#fit(places.length);
    const [indexes, indexOf] = [this.#indexes, this.#indexOf];
    let at = this.#rows;
    for (let row = 0; row < places.length; row++) {
      const number = numbers[places[row] as number] as number;
      indexes[at++] = ((indexOf[number] as number) || this.#add(number)) - 1;
    }
    this.#rows = at;
  }

  /** Many rows at once, by the numbers of their texts. */
  putAll(numbers: Uint32Array): void {
    this.#fit(numbers.length);
    const [indexes, indexOf] = [this.#indexes, this.#indexOf];
    let at = this.#rows;
    for (let row = 0; row < numbers.length; row++) {
      const number = numbers[row] as number;
      indexes[at++] = ((indexOf[number] as number) || this.#add(number)) - 1;
    }
    this.#rows = at;
  }

  /** `count` rows of the same text, by its number. */
  putSame(number: number, count: number): void {
    this.#fit(count);
    const index = ((this.#indexOf[number] as number) || this.#add(number)) - 1;
    this.#indexes.fill(index, this.#rows, this.#rows + count);
    this.#rows += count;
  }

  clear(): void {
    for (let at = 0; at < this.#presentCount; at++) this.#indexOf[this.#present[at] as number] = 0;
    this.#presentCount = 0;
    this.#keyBytes.clear();
    this.#rows = 0;
  }

  /** Clears, and forgets the texts: numbers that `hold` gave are void. */
  forget(): void {
    this.clear();
    this.#numbers.clear();
    this.#texts.clear();
  }

  writePrefix(out: GrowingBytes): void {
    out.appendUint64(SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS);
  }

  writeData(out: GrowingBytes): void {
    // The reader asks for nothing when there is no row, not even for an empty dictionary.
    if (this.#rows === 0) return;
    const count = this.#presentCount;
    const width = count <= 256 ? 0 : count <= 65536 ? 1 : 2;
    out.appendUint64(width + HAS_ADDITIONAL_KEYS + NEEDS_DICTIONARY_UPDATE);
    out.appendUint64(count);
    out.append(this.#keyBytes.view());
    out.appendUint64(this.#rows);
    const rows = this.#indexes.subarray(0, this.#rows);
    const narrow = width === 0 ? new Uint8Array(rows) : width === 1 ? new Uint16Array(rows) : rows;
    out.append(new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength));
  }

  /** Puts a text into the block's dictionary; 1 + its index. */
  #add(number: number): number {
    const begin = number === 0 ? 0 : (this.#ends[number - 1] as number);
    this.#keyBytes.appendPart(this.#texts, begin, this.#ends[number] as number);
    if (this.#presentCount === this.#present.length)
      this.#present = grown(this.#present, 2 * this.#presentCount);
    this.#present[this.#presentCount++] = number;
    this.#indexOf[number] = this.#presentCount;
    return this.#presentCount;
  }

  #fit(more: number): void {
    const needed = this.#rows + more;
    if (needed > this.#indexes.length)
      this.#indexes = grown(this.#indexes, Math.max(16, needed, this.#indexes.length * 2));
  }
}

function grown(values: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(values);
  return larger;
}

const SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS = 1;
const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_DICTIONARY_UPDATE = 0x400;
