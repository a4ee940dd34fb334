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

/** LowCardinality(String): every distinct text once, a row is its index. */
export class DictionaryColumn implements ColumnBuilder {
  readonly #keys = new Map<string, number>();
  readonly #keyBytes = new GrowingBytes();
  #indexes: Uint32Array;
  #rows = 0;

  constructor(capacityRows: number) {
    this.#indexes = new Uint32Array(capacityRows);
  }

  get rows(): number {
    return this.#rows;
  }

  append(value: unknown): void {
    if (typeof value !== "string") throw new TypeError(`${String(value)} is no text`);
    this.put(this.intern(value));
  }

  /** Index of `text`, for `put`; valid until `clear`. */
  intern(text: string): number {
    const known = this.#keys.get(text);
    if (known !== undefined) return known;
    const index = this.#keys.size;
    this.#keys.set(text, index);
    this.#keyBytes.appendString(text);
    return index;
  }

  /** A row by an index that `intern` gave. */
  put(index: number): void {
    if (this.#rows === this.#indexes.length) this.#grow();
    this.#indexes[this.#rows++] = index;
  }

  /** A row for each of `places`: the index that `table` has there. */
  putMapped(places: ArrayLike<number>, table: ArrayLike<number>): void {
    while (this.#rows + places.length > this.#indexes.length) this.#grow();
    const indexes = this.#indexes;
    let at = this.#rows;
    for (let row = 0; row < places.length; row++) {
      indexes[at++] = table[places[row] as number] as number;
    }
    this.#rows = at;
  }

  /** Many rows at once, by indexes that `intern` gave. */
  putAll(indexes: Uint32Array): void {
    while (this.#rows + indexes.length > this.#indexes.length) this.#grow();
    this.#indexes.set(indexes, this.#rows);
    this.#rows += indexes.length;
  }

  /** `count` rows of the same index. */
  putSame(index: number, count: number): void {
    while (this.#rows + count > this.#indexes.length) this.#grow();
    this.#indexes.fill(index, this.#rows, this.#rows + count);
    this.#rows += count;
  }

  clear(): void {
    this.#keys.clear();
    this.#keyBytes.clear();
    this.#rows = 0;
  }

  writePrefix(out: GrowingBytes): void {
    out.appendUint64(SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS);
  }

  writeData(out: GrowingBytes): void {
    // The reader asks for nothing when there is no row, not even for an empty dictionary.
    if (this.#rows === 0) return;
    const width = this.#keys.size <= 256 ? 0 : this.#keys.size <= 65536 ? 1 : 2;
    out.appendUint64(width + HAS_ADDITIONAL_KEYS + NEEDS_DICTIONARY_UPDATE);
    out.appendUint64(this.#keys.size);
    out.append(this.#keyBytes.view());
    out.appendUint64(this.#rows);
    const rows = this.#indexes.subarray(0, this.#rows);
    const narrow = width === 0 ? new Uint8Array(rows) : width === 1 ? new Uint16Array(rows) : rows;
    out.append(new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength));
  }

  #grow(): void {
    const grown = new Uint32Array(Math.max(16, this.#indexes.length * 2));
    grown.set(this.#indexes);
    this.#indexes = grown;
  }
}

const SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS = 1;
const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_DICTIONARY_UPDATE = 0x400;
