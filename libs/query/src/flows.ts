import { parseAddress } from "@weir/codec";
import type { EndFilter } from "./end.ts";
import type { Filter } from "./filter/check.ts";
import { filterSql } from "./filter/sql.ts";
import { isAddress } from "./is-address.ts";
import { type Page, rowsOfPage } from "./page.ts";
import { QuestionError } from "./question-error.ts";
import { addRange, type TimeRange } from "./range.ts";
import { Conditions, type Statement } from "./statement.ts";
import { parseTime } from "./time.ts";

export interface FlowsQuestion extends TimeRange, Page {
  /**
   * Microseconds since 1970: what was going on then, instead of what was reported in the range. One row
   * for each observation of a connection whose first packet is no later and a packet of which is
   * no earlier: that which reports the packets around that time.
   */
  at?: number | undefined;
  from?: EndFilter | undefined;
  to?: EndFilter | undefined;
  /** At either end. */
  namespace?: string | undefined;
  /** The responder's. */
  port?: number | undefined;
  /** In any case: tcp, UDP, icmpv6. */
  protocol?: string | undefined;
  verdict?: "allowed" | "denied" | undefined;
  /** What else has to hold, as `parseFilter` reads it. */
  filter?: Filter | undefined;
  /** Goes on after an earlier page: older rows than those. */
  after?: FlowCursor | undefined;
  /** Of the rows in the result; oldest first unless said otherwise. */
  order?: "oldest-first" | "newest-first" | undefined;
}

/** Where a page of flows ended: its oldest time, and how many rows of exactly that time it had. */
export interface FlowCursor {
  /** Microseconds since 1970. */
  time: number;
  rows: number;
}

/** Rows of one answer at most, the newest of those asked for. */
export const maxFlowRows = 100_000;

/** A connection without a packet for so long is reported as idle, and done with: two hours and a bit. */
const longestSilenceUs = 7_600_000_000;

const columns = [
  ["time", "node", "direction"],
  ["src_ip", "src_port", "src_namespace", "src_pod", "src_workload", "src_name"],
  ["dst_ip", "dst_port", "dst_namespace", "dst_pod", "dst_workload", "dst_name"],
  ["protocol", "packets", "bytes", "reply_packets", "reply_bytes"],
  ["verdict", "reason", "generation"],
  ["handshake_rtt_us", "srtt_us", "first_byte_us", "retransmits", "close_reason", "before_start"],
  ["process_pid", "process_start", "process_comm", "process_executable"],
  ["process_cgroup_id", "process_container", "dns_name"],
]
  .flat()
  .join(", ");

/** After the time, so that rows of one microsecond have one order on every page. */
const ties =
  "node, block, ifindex, direction, src_addr, src_port, dst_addr, dst_port, protocol, kind, packets, bytes";

/** Flows, a row each (`FlowRow`); `flowLine` makes them what the command line prints. */
export function flowsQuery(question: FlowsQuestion): Statement {
  const { from, to, namespace, port, protocol, verdict, order = "oldest-first" } = question;
  const limit = rowsOfPage(question, maxFlowRows);
  const conditions = new Conditions();
  // The key begins with five minutes; the range is on the column, which the engine follows.
  const { after, at } = question;
  if (at === undefined) addRange(conditions, "time", question);
  else addMoment(conditions, at);
  if (at !== undefined && after !== undefined)
    throw new QuestionError("what was going on at a time has no pages; raise --limit");
  if (after !== undefined)
    conditions.add("time <= fromUnixTimestamp64Micro({after:Int64}, 'UTC')", { after: after.time });
  if (from !== undefined) addEnd(conditions, "src", from);
  if (to !== undefined) addEnd(conditions, "dst", to);
  if (namespace !== undefined)
    conditions.add("(src_namespace = {namespace:String} OR dst_namespace = {namespace:String})", {
      namespace,
    });
  if (port !== undefined) conditions.add("dst_port = {port:UInt16}", { port });
  if (protocol !== undefined)
    conditions.add("upper(protocol) = upper({protocol:String})", { protocol });
  if (verdict !== undefined) conditions.add("verdict = {verdict:String}", { verdict });
  if (question.filter !== undefined) {
    const { sql, parameters } = filterSql(question.filter);
    conditions.add(sql, parameters);
  }
  // The table is sorted by five minutes: the newest are read first, and no more than are asked for.
  const newest = `SELECT ${columns}
FROM ${at === undefined ? "flows" : `(${earliestOf(conditions)})`}
WHERE ${at === undefined ? conditions.toString() : "1"}
ORDER BY toStartOfFiveMinutes(time) DESC, time DESC, ${ties}
LIMIT {limit:UInt32}${after === undefined ? "" : " OFFSET {offset:UInt32}"}`;
  const page = after === undefined ? { limit } : { limit, offset: after.rows };
  return {
    sql: order === "newest-first" ? newest : `SELECT * FROM (\n${newest}\n) ORDER BY time ASC`,
    parameters: { ...conditions.parameters, ...page },
  };
}

/**
 * Where the next page goes on after `rows`, the newest first; undefined after none. `before` is the
 * cursor that they came by.
 */
export function cursorAfter(
  rows: readonly { time: string }[],
  before?: FlowCursor,
): FlowCursor | undefined {
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const time = parseTime(last.time, 0);
  const same = rows.filter((row) => row.time === last.time).length;
  return { time, rows: before?.time === time ? before.rows + same : same };
}

/** The cursor as text, for the front ends to hand out. */
export function cursorText({ time, rows }: FlowCursor): string {
  return `${time}-${rows}`;
}

/** Throws QuestionError for what is no cursor. */
export function parseCursor(text: string): FlowCursor {
  const [, time, rows] = /^(\d{1,16})-(\d{1,9})$/.exec(text) ?? [];
  if (time === undefined || rows === undefined)
    throw new QuestionError(`${JSON.stringify(text)} is no cursor: take it as an answer gave it`);
  return { time: Number(time), rows: Number(rows) };
}

function addMoment(conditions: Conditions, at: number): void {
  addRange(conditions, "time", { since: at, until: at + longestSilenceUs });
  conditions.add(
    "start <= fromUnixTimestamp64Micro({since:Int64}, 'UTC') AND last >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')",
  );
}

/** The first row of each observation of a connection: later ones report what came later. */
function earliestOf(conditions: Conditions): string {
  return `SELECT * FROM flows
WHERE ${conditions.toString()}
ORDER BY time ASC, ${ties}
LIMIT 1 BY node, boot_id, ifindex, direction, src_addr, src_port, dst_addr, dst_port, protocol, start`;
}

function addEnd(conditions: Conditions, end: "src" | "dst", filter: EndFilter): void {
  if ("name" in filter) {
    const name = `{${end}_any:String}`;
    const sql = isAddressText(filter.name)
      ? isAddress(`${end}_ip`, name)
      : `(${end}_workload = ${name} OR ${end}_name = ${name})`;
    conditions.add(sql, { [`${end}_any`]: filter.name });
    return;
  }
  const pod = `{${end}_pod:String}`;
  conditions.add(
    `${end}_namespace = {${end}_namespace:String} AND (${end}_pod = ${pod} OR ${end}_workload = ${pod})`,
    { [`${end}_namespace`]: filter.namespace, [`${end}_pod`]: filter.pod },
  );
}

function isAddressText(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}
