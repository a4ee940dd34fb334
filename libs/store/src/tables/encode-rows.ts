import { NativeBlock } from "../native/block.ts";
import { plainType } from "./plain-type.ts";
import type { Table } from "./table.ts";

/**
 * `rows` as one Native block for `store.insertNative(table.name, ...)`. For tables with few rows;
 * flows have `FlowRows`. Throws TypeError naming the column of a value that does not fit.
 */
export function encodeRows<Row>(table: Table<Row>, rows: readonly Row[]): Uint8Array {
  const columns = table.columns.map(({ name, type }) => ({ name, type: plainType(type) }));
  const block = new NativeBlock(columns, rows.length);
  for (const row of rows)
    block.appendRow(Object.fromEntries(table.columns.map(({ name, of }) => [name, of(row)])));
  return block.encode();
}
