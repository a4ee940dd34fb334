import type { GrowingBytes } from "./bytes.ts";

/** Values of one column of a Native block, appended row by row. */
export interface ColumnBuilder {
  readonly rows: number;
  /** Any value the type takes; the typed builders have faster ways in. Throws TypeError or RangeError. */
  append(value: unknown): void;
  /** Forgets the rows, keeps the buffers. */
  clear(): void;
  /** What precedes the data of the whole column (the version of LowCardinality, else nothing). */
  writePrefix(out: GrowingBytes): void;
  writeData(out: GrowingBytes): void;
}

/** A column's name and ClickHouse type, as `CREATE TABLE` would spell it. */
export interface ColumnType {
  name: string;
  type: string;
}
