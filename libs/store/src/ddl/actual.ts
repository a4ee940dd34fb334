import type { MigrationTarget } from "../migrate/migrate.ts";

/** What the engine has, in its own words. */
export interface ActualTable {
  name: string;
  /** The statement that would make it, without the database's name and the settings. */
  statement: string;
  /** Of a table; in no order, the engine lists them as they were set. */
  settings: { [name: string]: string };
  comment: string;
  columns: ActualColumn[];
  indexes: string[];
  projections: string[];
}

export interface ActualColumn {
  name: string;
  type: string;
  comment: string;
  /** As CODEC(...); empty: none of its own. */
  codec: string;
  /** Of an alias; empty: it is stored. */
  alias: string;
}

/** The tables and views of the store's database, by name. */
export async function actualTables(target: MigrationTarget): Promise<Map<string, ActualTable>> {
  const tables = await target.query<{ name: string; comment: string; statement: string }>(
    `SELECT name, comment, replaceAll(create_table_query, concat(database, '.'), '') AS statement
FROM system.tables
WHERE database = currentDatabase() AND name != 'migrations'
ORDER BY name`,
  );
  const columns = await target.query<ActualColumn & { table: string }>(
    `SELECT table, name, type, comment, compression_codec AS codec, default_expression AS alias
FROM system.columns
WHERE database = currentDatabase()
ORDER BY table, position`,
  );
  const parts = (table: string) =>
    target.query<{ table: string; name: string }>(
      `SELECT table, name FROM system.${table} WHERE database = currentDatabase()`,
    );
  const indexes = Map.groupBy(await parts("data_skipping_indices"), ({ table }) => table);
  const projections = Map.groupBy(await parts("projections"), ({ table }) => table);
  const byTable = Map.groupBy(columns, ({ table }) => table);
  return new Map(
    tables.map((table) => [
      table.name,
      {
        ...table,
        ...withoutSettings(table.statement),
        columns: (byTable.get(table.name) ?? []).map(({ table: _table, ...column }) => column),
        indexes: (indexes.get(table.name) ?? []).map(({ name }) => name),
        projections: (projections.get(table.name) ?? []).map(({ name }) => name),
      },
    ]),
  );
}

function withoutSettings(text: string): Pick<ActualTable, "statement" | "settings"> {
  const listed = / SETTINGS ((?:\w+ = [^,\s]+(?:, )?)+)(?= COMMENT |$)/.exec(text);
  if (listed === null) return { statement: text, settings: {} };
  const pairs = [...(listed[1] as string).matchAll(/(\w+) = ([^,\s]+)/g)];
  return {
    statement: text.replace(listed[0], ""),
    settings: Object.fromEntries(pairs.map(([, name, value]) => [name, value])),
  };
}
