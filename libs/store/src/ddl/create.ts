import { identifier, stringLiteral } from "../sql-text.ts";
import type { SchemaDefinition } from "../tables/schema.ts";
import type {
  Alias,
  Column,
  FeedDefinition,
  TableDefinition,
  ViewDefinition,
} from "../tables/table.ts";

/** Where and how a statement is to be made; nothing of it: on one server. */
export interface Placement {
  /** After the name: ON CLUSTER ... */
  on?: string;
  /** After the names of tables that hold rows. */
  suffix?: string;
  /** The engine of a table, from the one that it has on one server. */
  engine?: (table: TableDefinition) => string;
  deduplicationSetting?: string;
}

/** Statements that make all of it in an empty database, each safe to repeat. */
export function createStatements(schema: SchemaDefinition): string[] {
  return [
    ...schema.tables.map((table) => createTable(table)),
    ...schema.feeds.map((feed) => createFeed(feed)),
    ...schema.views.map((view) => createView(view)),
  ];
}

export function createTable(table: TableDefinition, placement: Placement = {}): string {
  const { on, suffix = "", engine = (one) => one.engine } = placement;
  const inside = [
    ...table.columns.map(columnText),
    ...(table.indexes ?? []).map(({ name, definition }) => `INDEX ${name} ${definition}`),
    ...(table.projections ?? []).map(({ name, select }) => `PROJECTION ${name} (${select})`),
  ];
  const window = placement.deduplicationSetting ?? "non_replicated_deduplication_window";
  return [
    words(`CREATE TABLE IF NOT EXISTS ${table.name}${suffix}`, on),
    `(\n    ${inside.join(",\n    ")}\n)`,
    `ENGINE = ${engine(table)}`,
    ...(table.partitionBy === undefined ? [] : [`PARTITION BY ${table.partitionBy}`]),
    ...(table.primaryKey === undefined ? [] : [`PRIMARY KEY ${table.primaryKey}`]),
    `ORDER BY ${table.orderBy}`,
    ...(table.ttl === undefined
      ? []
      : [`TTL ${table.ttl.time} + toIntervalDay(${table.ttl.days})`]),
    `SETTINGS ${[`${window} = ${table.deduplicationWindow}`, ...settingsOf(table)].join(", ")}`,
    `COMMENT ${stringLiteral(table.comment)}`,
  ].join("\n");
}

function settingsOf(table: TableDefinition): string[] {
  const settings = {
    ...(table.ttl === undefined ? {} : { ttl_only_drop_parts: 1 }),
    ...table.settings,
  };
  return Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
}

export function createFeed(feed: FeedDefinition, placement: Placement = {}): string {
  const { on, suffix = "" } = placement;
  const select =
    suffix === ""
      ? feed.select
      : feed.select.replace(`\nFROM ${feed.from}`, `\nFROM ${feed.from}${suffix} AS ${feed.from}`);
  return `${words(`CREATE MATERIALIZED VIEW IF NOT EXISTS ${feed.name}`, on)} TO ${feed.to}${suffix}
AS ${select}`;
}

export function createView(view: ViewDefinition, placement: Placement = {}): string {
  const columns = view.columns === undefined ? "" : `\n(${columnList(view.columns)})`;
  return `${words(`CREATE VIEW IF NOT EXISTS ${view.name}`, placement.on)}${columns}
AS ${view.select}
COMMENT ${stringLiteral(view.comment)}`;
}

/** A column as CREATE TABLE and ADD COLUMN spell it. */
export function columnText(column: Column | Alias): string {
  return [
    identifier(column.name),
    column.type,
    ...("alias" in column ? [`ALIAS ${column.alias}`] : []),
    `COMMENT ${stringLiteral(column.comment)}`,
    ...(column.codec === undefined ? [] : [`CODEC(${column.codec})`]),
  ].join(" ");
}

function columnList(columns: readonly Column[]): string {
  return `\n    ${columns.map(columnText).join(",\n    ")}\n`;
}

function words(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(" ");
}
