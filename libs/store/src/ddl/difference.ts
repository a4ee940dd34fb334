import { StoreError } from "../error.ts";
import { identifier, stringLiteral } from "../sql-text.ts";
import type { SchemaDefinition } from "../tables/schema.ts";
import type { FeedDefinition, TableDefinition, ViewDefinition } from "../tables/table.ts";
import type { ActualColumn, ActualTable } from "./actual.ts";
import { columnText, createFeed, createTable, createView } from "./create.ts";

type Actual = ReadonlyMap<string, ActualTable>;

/**
 * Statements that make of what a database has (`have`) what the definitions give in an empty one
 * (`want`); both in the engine's own words. Times to live are no part of it: the store sets those.
 */
export function differenceStatements(
  schema: SchemaDefinition,
  have: Actual,
  want: Actual,
): string[] {
  const pair = (name: string): [ActualTable | undefined, ActualTable] => {
    const wanted = want.get(name);
    if (wanted === undefined) throw new TypeError(`the definitions did not make ${name}`);
    return [have.get(name), wanted];
  };
  const known = new Set(
    [...schema.tables, ...schema.feeds, ...schema.views].map((one) => one.name),
  );
  return [
    ...schema.tables.flatMap((table) => ofTable(table, ...pair(table.name))),
    ...schema.feeds.flatMap((feed) => ofFeed(feed, ...pair(feed.name))),
    ...schema.views.flatMap((view) => ofView(view, ...pair(view.name))),
    ...[...have.values()].filter(({ name }) => !known.has(name)).map(dropped),
  ];
}

function dropped({ name, statement }: ActualTable): string {
  return `DROP ${statement.startsWith("CREATE TABLE") ? "TABLE" : "VIEW"} IF EXISTS ${name}`;
}

function ofTable(table: TableDefinition, have: ActualTable | undefined, want: ActualTable) {
  if (have === undefined) return [createTable(table)];
  if (keysOf(have) !== keysOf(want))
    throw new StoreError(
      "migration",
      `${table.name}: no ALTER makes ${keysOf(want)} of ${keysOf(have)}; that needs a new table`,
    );
  const { name } = table;
  const indexes = missing(table.indexes ?? [], have.indexes);
  const projections = missing(table.projections ?? [], have.projections);
  return [
    ...altered(name, [
      ...ofColumns(table, have, want),
      ...ofComments(have, want),
      ...indexes.map((one) => `ADD INDEX IF NOT EXISTS ${one.name} ${one.definition}`),
      ...projections.map((one) => `ADD PROJECTION IF NOT EXISTS ${one.name} (${one.select})`),
      ...extra(have.indexes, want.indexes).map((one) => `DROP INDEX IF EXISTS ${one}`),
      ...extra(have.projections, want.projections).map((one) => `DROP PROJECTION IF EXISTS ${one}`),
    ]),
    ...altered(name, ofSettings(have, want)),
    // In the background, for the rows that are there.
    ...altered(name, [
      ...indexes.map((one) => `MATERIALIZE INDEX ${one.name}`),
      ...projections.map((one) => `MATERIALIZE PROJECTION ${one.name}`),
    ]),
  ];
}

function altered(name: string, actions: readonly string[]): string[] {
  return actions.length === 0 ? [] : [`ALTER TABLE ${name}\n    ${actions.join(",\n    ")}`];
}

function extra(have: readonly string[], want: readonly string[]): string[] {
  return have.filter((name) => !want.includes(name));
}

function missing<Part extends { name: string }>(wanted: readonly Part[], have: string[]): Part[] {
  return wanted.filter(({ name }) => !have.includes(name));
}

/** Engine and keys, which no ALTER changes. */
function keysOf({ statement }: ActualTable): string {
  return /ENGINE = .*?(?= TTL | COMMENT |$)/.exec(statement)?.[0] ?? "";
}

/** Settings that are there and not wanted stay: the engine adds some by itself. */
function ofSettings(have: ActualTable, want: ActualTable): string[] {
  const changed = Object.entries(want.settings).filter(
    ([name, value]) => have.settings[name] !== value,
  );
  if (changed.length === 0) return [];
  return [`MODIFY SETTING ${changed.map(([name, value]) => `${name} = ${value}`).join(", ")}`];
}

function ofColumns(table: TableDefinition, have: ActualTable, want: ActualTable): string[] {
  const before = new Map(have.columns.map((column) => [column.name, column]));
  const wanted = new Map(want.columns.map((column) => [column.name, column]));
  const actions: string[] = [];
  for (const [at, column] of table.columns.entries()) {
    const old = before.get(column.name);
    const text = columnText(column);
    const previous = table.columns[at - 1];
    const place = previous === undefined ? "FIRST" : `AFTER ${identifier(previous.name)}`;
    if (old === undefined) actions.push(`ADD COLUMN IF NOT EXISTS ${text} ${place}`);
    else if (!isSame(old, wanted.get(column.name))) actions.push(`MODIFY COLUMN ${text}`);
  }
  for (const { name } of have.columns)
    if (!wanted.has(name)) actions.push(`DROP COLUMN IF EXISTS ${identifier(name)}`);
  return actions;
}

function isSame(have: ActualColumn, want: ActualColumn | undefined): boolean {
  return have.type === want?.type && have.codec === want.codec && have.alias === want.alias;
}

/** Comments of the table or view itself, and of columns that are otherwise what they shall be. */
function ofComments(have: ActualTable, want: ActualTable): string[] {
  const actions: string[] = [];
  const before = new Map(have.columns.map((column) => [column.name, column]));
  for (const column of want.columns) {
    const old = before.get(column.name);
    if (old === undefined || old.comment === column.comment || !isSame(old, column)) continue;
    actions.push(`COMMENT COLUMN ${identifier(column.name)} ${stringLiteral(column.comment)}`);
  }
  if (have.comment !== want.comment) actions.push(`MODIFY COMMENT ${stringLiteral(want.comment)}`);
  return actions;
}

function ofFeed(feed: FeedDefinition, have: ActualTable | undefined, want: ActualTable): string[] {
  if (have === undefined) return [createFeed(feed)];
  if (have.statement === want.statement) return [];
  throw new StoreError(
    "migration",
    `${feed.name}: a view that was altered takes a repeated block again, and one that is made again misses what comes meanwhile; that needs a new table`,
  );
}

function ofView(view: ViewDefinition, have: ActualTable | undefined, want: ActualTable): string[] {
  if (have?.statement === want.statement) return [];
  if (have === undefined) return [createView(view)];
  return [`DROP VIEW IF EXISTS ${view.name}`, createView(view)];
}
