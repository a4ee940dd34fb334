import type { GrowingBytes } from "./bytes.ts";
import type { ColumnBuilder } from "./column.ts";
import { Integer64Column, IntegerColumn } from "./fixed.ts";

/** Array(T). */
export class ArrayColumn implements ColumnBuilder {
  readonly #items: ColumnBuilder;
  readonly #offsets: Integer64Column;

  constructor(items: ColumnBuilder, capacityRows: number) {
    this.#items = items;
    this.#offsets = new Integer64Column(capacityRows);
  }

  get rows(): number {
    return this.#offsets.rows;
  }

  append(value: unknown): void {
    if (!Array.isArray(value)) throw new TypeError(`${String(value)} is no array`);
    for (const item of value) this.#items.append(item);
    this.#offsets.put(this.#items.rows);
  }

  clear(): void {
    this.#items.clear();
    this.#offsets.clear();
  }

  writePrefix(out: GrowingBytes): void {
    this.#items.writePrefix(out);
  }

  writeData(out: GrowingBytes): void {
    this.#offsets.writeData(out);
    this.#items.writeData(out);
  }
}

/** Map(K, V), from an object or a Map. */
export class MapColumn implements ColumnBuilder {
  readonly #keys: ColumnBuilder;
  readonly #values: ColumnBuilder;
  readonly #offsets: Integer64Column;

  constructor(keys: ColumnBuilder, values: ColumnBuilder, capacityRows: number) {
    this.#keys = keys;
    this.#values = values;
    this.#offsets = new Integer64Column(capacityRows);
  }

  get rows(): number {
    return this.#offsets.rows;
  }

  append(value: unknown): void {
    if (typeof value !== "object" || value === null)
      throw new TypeError(`${String(value)} is no map`);
    const entries = value instanceof Map ? value.entries() : Object.entries(value);
    for (const [key, item] of entries) {
      this.#keys.append(key);
      this.#values.append(item);
    }
    this.#offsets.put(this.#keys.rows);
  }

  clear(): void {
    this.#keys.clear();
    this.#values.clear();
    this.#offsets.clear();
  }

  writePrefix(out: GrowingBytes): void {
    this.#keys.writePrefix(out);
    this.#values.writePrefix(out);
  }

  writeData(out: GrowingBytes): void {
    this.#offsets.writeData(out);
    this.#keys.writeData(out);
    this.#values.writeData(out);
  }
}

/** Tuple(A, B, ...), from an array of the same length. */
export class TupleColumn implements ColumnBuilder {
  readonly #parts: ColumnBuilder[];

  constructor(parts: ColumnBuilder[]) {
    this.#parts = parts;
  }

  get rows(): number {
    return this.#parts[0]?.rows ?? 0;
  }

  append(value: unknown): void {
    if (!Array.isArray(value) || value.length !== this.#parts.length)
      throw new TypeError(`a tuple of ${this.#parts.length} values is asked for`);
    for (const [at, part] of this.#parts.entries()) part.append(value[at]);
  }

  clear(): void {
    for (const part of this.#parts) part.clear();
  }

  writePrefix(out: GrowingBytes): void {
    for (const part of this.#parts) part.writePrefix(out);
  }

  writeData(out: GrowingBytes): void {
    for (const part of this.#parts) part.writeData(out);
  }
}

/** Nullable(T); `filler` stands in T where the row is null. */
export class NullableColumn implements ColumnBuilder {
  readonly #nulls: IntegerColumn;
  readonly #values: ColumnBuilder;
  readonly #filler: unknown;

  constructor(values: ColumnBuilder, filler: unknown, capacityRows = 0) {
    this.#nulls = new IntegerColumn("UInt8", capacityRows);
    this.#values = values;
    this.#filler = filler;
  }

  get rows(): number {
    return this.#nulls.rows;
  }

  /** Many rows at once, of integers of which 0 means null. Unchecked. */
  putKnown(values: Uint32Array): void {
    this.#nulls.putZeros(values);
    (this.#values as IntegerColumn).putAll(values);
  }

  /** A row for each of `places`: what `table` has there, of which 0 means null. Unchecked. */
  putMapped(places: Uint32Array, table: readonly number[]): void {
    this.#nulls.putMapped(
      places,
      table.map((value) => (value === 0 ? 1 : 0)),
    );
    (this.#values as IntegerColumn | Integer64Column).putMapped(places, table);
  }

  append(value: unknown): void {
    const absent = value === null || value === undefined;
    this.#values.append(absent ? this.#filler : value);
    this.#nulls.put(absent ? 1 : 0);
  }

  clear(): void {
    this.#nulls.clear();
    this.#values.clear();
  }

  writePrefix(out: GrowingBytes): void {
    this.#values.writePrefix(out);
  }

  writeData(out: GrowingBytes): void {
    this.#nulls.writeData(out);
    this.#values.writeData(out);
  }
}
