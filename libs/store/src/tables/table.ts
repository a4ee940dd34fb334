import type { ColumnType } from "../native/column.ts";

/** A column of a table: what CREATE TABLE says of it. */
export interface Column<Name extends string = string> extends ColumnType {
  name: Name;
  comment: string;
  /** As in CODEC(...). */
  codec?: string | undefined;
}

/** A column that is computed when asked for; no writer fills it. */
export interface Alias extends Column {
  alias: string;
}

/** One definition per record: DDL, migrations, the writer and `weir sql --describe` have it from here. */
export interface TableDefinition {
  name: string;
  comment: string;
  /** In the order of the table. */
  columns: readonly (Column | Alias)[];
  engine: string;
  partitionBy?: string;
  /** Where the index has fewer columns than the order. */
  primaryKey?: string;
  orderBy: string;
  /** Rows older than `days` go, with their partition; the store sets the days of its configuration. */
  ttl?: { time: string; days: number };
  /** Tokens of inserts that are remembered. */
  deduplicationWindow: number;
  /** Of the engine's storage, by their names there. */
  settings?: Readonly<Record<string, number>>;
  indexes?: readonly { name: string; definition: string }[];
  /** What every part has beside its rows, kept in step with them by the engine. */
  projections?: readonly { name: string; select: string }[];
  /** What decides the shard of a row on a cluster. */
  shardBy: string;
}

/** A table that rows of one kind are written to by `encodeRows`. */
export interface Table<Row> extends TableDefinition {
  columns: readonly RowColumn<Row>[];
}

export interface RowColumn<Row> extends Column {
  of: (row: Row) => unknown;
}

/** A view; without columns where the engine keeps none of it, which is so for one with parameters. */
export interface ViewDefinition {
  name: string;
  comment: string;
  columns?: readonly Column[];
  select: string;
}

/**
 * A view that feeds `to` from each block that comes to `from`. It has no comments, its tables have
 * them: a view that was altered takes a repeated block again until the engine is opened anew.
 */
export interface FeedDefinition {
  name: string;
  from: string;
  to: string;
  select: string;
}

/** Codecs: of what counts up from row to row, of small counts, of all else that is no dictionary. */
export const codecs = {
  rising: "Delta(8), ZSTD(1)",
  counts: "T64, ZSTD(1)",
  plain: "ZSTD(1)",
  text: "ZSTD(3)",
} as const;

export const nameType = "LowCardinality(String)";
export const timeType = "DateTime64(6, 'UTC')";

/** A column that no record has. */
export function column<const Name extends string>(
  name: Name,
  type: string,
  comment: string,
  codec?: string,
): Column<Name> {
  return { name, type, comment, codec };
}

/** Columns of a definition by name, in the order of `names`. */
export function columnsOf(table: { columns: readonly Column[] }, ...names: string[]): Column[] {
  return names.map((name) => {
    const found = table.columns.find((one) => one.name === name);
    if (found === undefined) throw new TypeError(`there is no column ${name}`);
    return { name, type: found.type, comment: found.comment };
  });
}
