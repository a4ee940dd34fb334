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
    if (this.#rows === this.#indexes.length) {
      const grown = new Uint32Array(Math.max(16, this.#indexes.length * 2));
      grown.set(this.#indexes);
      this.#indexes = grown;
    }
    this.#indexes[this.#rows++] = index;
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
    const narrow =
      width === 0 ? Uint8Array.from(rows) : width === 1 ? Uint16Array.from(rows) : rows;
    out.append(new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength));
  }
}

const SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS = 1;
const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_DICTIONARY_UPDATE = 0x400;
