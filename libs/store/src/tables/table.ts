import type { ColumnType } from "../native/column.ts";

/**
 * One definition per record: what the writer of a table writes. schemas/tables/*.sql spells the
 * same columns with codecs, keys and comments; a test compares the two on the engine itself.
 */
export interface Table<Row> {
  name: string;
  columns: readonly (ColumnType & { of: (row: Row) => unknown })[];
}
