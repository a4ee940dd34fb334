import type { Statement } from "./statement.ts";

/** Tables that are meant to be asked. */
export const publicTables = [
  "flows",
  "edges_1m",
  "edges_1h",
  "edges_1d",
  "events",
  "policies",
  "workloads",
  "workload_history",
  "flow_policies",
  "ledger",
  "odometers",
  "dead_letters",
] as const;

export interface TableRow {
  name: string;
  comment: string;
}

export interface ColumnRow {
  name: string;
  type: string;
  comment: string;
}

/** Tables with what they hold (`TableRow`), for `weir sql --tables`. */
export function tablesQuery(): Statement {
  const names = publicTables.map((name) => `'${name}'`).join(", ");
  return {
    sql: `SELECT name, comment FROM system.tables
WHERE database = currentDatabase() AND name IN (${names})
ORDER BY indexOf([${names}], name)`,
    parameters: {},
  };
}

/** Columns of a table (`ColumnRow`), for `weir sql --describe`. No rows: there is no such table. */
export function describeQuery(table: string): Statement {
  return {
    sql: `SELECT name, type, comment FROM system.columns
WHERE database = currentDatabase() AND table = {table:String}
ORDER BY position`,
    parameters: { table },
  };
}
