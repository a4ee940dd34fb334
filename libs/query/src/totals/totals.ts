import { conditionsOf, type Filter } from "../filter/check.ts";
import { suggestion } from "../filter/did-you-mean.ts";
import { type Field, fieldNamed, fields } from "../filter/fields.ts";
import { filterSql } from "../filter/sql.ts";
import { type Page, rowsOfPage } from "../page.ts";
import { QuestionError } from "../question-error.ts";
import type { TimeRange } from "../range.ts";
import { Conditions, type Statement } from "../statement.ts";
import { type Piece, pieces, rollUps } from "./pieces.ts";

export interface TotalsQuestion extends TimeRange, Page {
  filter?: Filter | undefined;
  /** Fields of filters, and minute, hour or day; a row for each combination. */
  by: readonly string[];
  /** The largest first; default: bytes both ways. */
  order?: Measure | undefined;
  /** Rows of the pages before. */
  offset?: number | undefined;
  /**
   * A connection between two pods is seen at both ends. `once`, the default: at its initiator,
   * or at the responder where the initiator is no pod. `each`: every observation, as filters on
   * `direction` want it.
   */
  view?: "once" | "each" | undefined;
  /** Microseconds since 1970: roll-ups that begin later are not looked at. */
  now?: number | undefined;
  /** Only for comparison: no roll-up is used. */
  rawOnly?: boolean | undefined;
}

export interface TotalsStatement extends Statement {
  /** Tables that are read, the coarsest first. */
  tables: string[];
}

export const measures = [
  "connections",
  "packets",
  "bytes",
  "reply_packets",
  "reply_bytes",
  "rows",
] as const;
export type Measure = (typeof measures)[number];

/** Columns of `by`, then the measures, `first` and `last` packet (RFC 3339). */
export type TotalsRow = Record<string, string | number>;

/** Rows of one answer at most. */
export const maxTotalsRows = 100_000;
const maxFields = 16;

const buckets: Record<string, { sql: string; least: Piece["table"] }> = {
  minute: { sql: "toStartOfMinute(time)", least: "edges_1m" },
  hour: { sql: "toStartOfHour(time)", least: "edges_1h" },
  day: { sql: "toStartOfDay(time)", least: "edges_1d" },
};

/**
 * Sums over a range, from the coarsest tables that give them exactly: roll-ups as far as the range
 * covers their rows and they have what is asked for, the flows for the rest.
 */
export function totalsQuery(question: TotalsQuestion): TotalsStatement {
  const { filter, order, offset = 0 } = question;
  const limit = rowsOfPage(question, maxTotalsRows, 1000);
  if (question.until !== undefined && question.until <= question.since)
    throw new QuestionError("the time range is empty: --until must be later than --since");
  if (question.by.length > maxFields)
    throw new QuestionError(`--by takes at most ${maxFields} fields`);
  const groups = question.by.map((name) => group(name));
  const parts = partsOf(question, groups);
  const compiled = filter === undefined ? undefined : filterSql(filter);
  const directed = asked(filter).some(({ field }) => field.name === "direction");
  const view =
    question.view === "each" || directed ? "1" : "(direction != 'ingress' OR src_kind != 'pod')";
  const selects = parts.map((piece, at) => select(piece, at, groups, [view, compiled?.sql]));
  const names = groups.map(({ column }) => `\`${column}\``);
  const sums = measures.map((one) => `sum(part.${one}) AS ${one}`);
  const by = order === undefined ? "bytes + reply_bytes" : order;
  return {
    sql: `SELECT ${[...names, ...sums, "min(part.first) AS first", "max(part.last) AS last"].join(", ")}
FROM
(
${selects.map(({ sql }) => sql).join("\nUNION ALL\n")}
) AS part
${names.length === 0 ? "HAVING rows > 0" : `GROUP BY ${names.join(", ")}`}
ORDER BY ${[`${by} DESC`, ...names].join(", ")}
LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    parameters: Object.assign(
      { limit, offset, ...compiled?.parameters },
      ...selects.map((one) => one.parameters),
    ),
    tables: [...new Set(parts.map(({ table }) => table))].toSorted(
      (a, b) => coarseness(a) - coarseness(b),
    ),
  };
}

interface Group {
  column: string;
  sql: string;
  field?: Field;
  least?: Piece["table"];
}

/** Throws QuestionError for what is no field. */
function group(name: string): Group {
  const bucket = buckets[name.toLowerCase()];
  if (bucket !== undefined) return { column: name.toLowerCase(), ...bucket };
  const field = fieldNamed(name);
  const single = fields.filter((one) => one.columns.length === 1);
  if (field === undefined || field.columns.length > 1) {
    const names = [...single.map((one) => one.name), ...Object.keys(buckets)];
    throw new QuestionError(`--by takes no ${name}${suggestion(name, names)}`);
  }
  const [column] = field.columns;
  return { column, sql: column, field };
}

function asked(filter: Filter | undefined) {
  return filter === undefined ? [] : conditionsOf(filter);
}

function coarseness(table: Piece["table"]): number {
  const at = rollUps.findIndex((one) => one.table === table);
  return at < 0 ? rollUps.length : at;
}

function partsOf(question: TotalsQuestion, groups: readonly Group[]): Piece[] {
  const { since, until, filter, now, rawOnly = false } = question;
  const used = [
    ...asked(filter).map(({ field }) => field),
    ...groups.flatMap(({ field }) => (field === undefined ? [] : [field])),
  ];
  if (rawOnly || !used.every((field) => field.rolledUp)) return pieces(since, until, []);
  // A bucket cannot be told apart in rows that are longer than it.
  const least = Math.max(0, ...groups.map((one) => (one.least ? coarseness(one.least) : 0)));
  const end = until === undefined ? undefined : Math.round(until);
  return pieces(Math.round(since), end, rollUps.slice(least), now);
}

function select(
  piece: Piece,
  at: number,
  groups: readonly Group[],
  more: readonly (string | undefined)[],
): Statement {
  const raw = piece.table === "flows";
  const conditions = new Conditions();
  const moment = (name: string) => `fromUnixTimestamp64Micro({${name}:Int64}, 'UTC')`;
  conditions.add(`time >= ${moment(`from_${at}`)}`, { [`from_${at}`]: piece.from });
  if (piece.to !== undefined)
    conditions.add(`time < ${moment(`to_${at}`)}`, { [`to_${at}`]: piece.to });
  for (const one of more) if (one !== undefined && one !== "1") conditions.add(one);
  const columns = [
    ...groups.map(({ sql, column }) => `${sql} AS \`${column}\``),
    "toUInt64(connections) AS connections, packets, bytes, reply_packets, reply_bytes",
    raw ? "toUInt64(1) AS rows, start AS first, last" : "rows, first, last",
  ];
  return {
    sql: `SELECT ${columns.join(", ")}\nFROM ${piece.table}\nWHERE ${conditions.toString()}`,
    parameters: conditions.parameters,
  };
}
