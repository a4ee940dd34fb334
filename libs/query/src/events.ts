import { leftOutEvents } from "@weir/codec";
import type { FlowCursor } from "./flows.ts";
import { type Page, rowsOfPage } from "./page.ts";
import { addRange, type TimeRange } from "./range.ts";
import { Conditions, type Statement } from "./statement.ts";

/** Which events; each field has to be equal where it is given. */
export interface EventFilter {
  kind?: string | undefined;
  namespace?: string | undefined;
  workload?: string | undefined;
  node?: string | undefined;
}

export interface EventsQuestion extends TimeRange, EventFilter, Page {
  /** Goes on after an earlier page: older rows than those. */
  after?: FlowCursor | undefined;
}

/** A row of `eventsQuery`. */
export interface EventRow {
  /** RFC 3339. */
  time: string;
  node: string;
  boot_id: string;
  kind: string;
  namespace: string;
  workload: string;
  pod: string;
  text: string;
  fields: Record<string, string>;
}

/** What `weir events -o json` prints; absent means that it concerns none. */
export interface EventLine {
  time: string;
  kind: string;
  node?: string;
  bootId?: string;
  namespace?: string;
  workload?: string;
  pod?: string;
  text: string;
  fields?: Record<string, string>;
}

/** Rows of one answer at most, the newest of those asked for. */
export const maxEventRows = 100_000;

/** After the time, so that rows of one microsecond have one order on every page. */
const ties = "kind, namespace, workload, pod, node, text, toString(fields)";

/** What happened that is no flow, the newest first (`EventRow`). */
export function eventsQuery(question: EventsQuestion): Statement {
  const { after } = question;
  const limit = rowsOfPage(question, maxEventRows);
  const conditions = eventConditions(question);
  if (after !== undefined)
    conditions.add("time <= fromUnixTimestamp64Micro({after:Int64}, 'UTC')", { after: after.time });
  return {
    sql: `SELECT time, node, boot_id, kind, namespace, workload, pod, text, fields
FROM events
WHERE ${conditions.toString()}
ORDER BY time DESC, ${ties}
LIMIT {limit:UInt32}${after === undefined ? "" : " OFFSET {offset:UInt32}"}`,
    parameters: {
      ...conditions.parameters,
      ...(after === undefined ? { limit } : { limit, offset: after.rows }),
    },
  };
}

/** How many there are (`{ n }`), whatever the limit. */
export function countEventsQuery(question: EventsQuestion): Statement {
  const conditions = eventConditions(question);
  const sql = `SELECT count() AS n FROM events WHERE ${conditions.toString()}`;
  return { sql, parameters: conditions.parameters };
}

/** How many of the range its sources could not tell (`{ n }`): events of that kind stand for them. */
export function leftOutEventsQuery({ since, until }: TimeRange): Statement {
  const conditions = new Conditions();
  conditions.add(
    `kind = '${leftOutEvents}' AND time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')`,
    {
      since: Math.round(since),
    },
  );
  if (until !== undefined)
    conditions.add(
      "parseDateTime64BestEffortOrZero(fields['since'], 6, 'UTC') < fromUnixTimestamp64Micro({until:Int64}, 'UTC')",
      { until: Math.round(until) },
    );
  return {
    sql: `SELECT sum(toUInt64OrZero(fields['count'])) AS n FROM events WHERE ${conditions.toString()}`,
    parameters: conditions.parameters,
  };
}

function eventConditions(question: EventsQuestion): Conditions {
  const { kind, namespace, workload, node } = question;
  const conditions = new Conditions();
  addRange(conditions, "time", question);
  for (const [name, value] of Object.entries({ kind, namespace, workload, node }))
    if (value !== undefined) conditions.add(`${name} = {${name}:String}`, { [name]: value });
  return conditions;
}

/** A row as it is printed: what is empty is left out. */
export function eventLine(row: EventRow): EventLine {
  const { time, kind, text, fields, boot_id: bootId, node, namespace, workload, pod } = row;
  const known = Object.entries({ node, bootId, namespace, workload, pod }).filter(
    ([, value]) => value !== "",
  );
  const details = Object.keys(fields).length === 0 ? {} : { fields };
  return { time, kind, ...Object.fromEntries(known), text, ...details };
}

/** Whether it is one of those asked for: the same as the SQL says. */
export function isEventOf(filter: EventFilter, event: EventLine): boolean {
  const { kind, namespace, workload, node } = filter;
  return Object.entries({ kind, namespace, workload, node }).every(
    ([name, value]) => value === undefined || (event[name as keyof EventFilter] ?? "") === value,
  );
}
