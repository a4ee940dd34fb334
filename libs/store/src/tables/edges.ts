import { flows } from "./flows.ts";
import {
  type Column,
  codecs,
  column,
  type FeedDefinition,
  type TableDefinition,
  timeType,
} from "./table.ts";

// Roll-ups: flows without the client's port and without addresses and pods. Each minute's block
// feeds the hour, each hour's the day; a repeated block of flows is dropped in all of them. Where a
// connection was seen at both ends, it is in both directions: ask for one of them.

type Aggregate = "sum" | "min" | "max";

interface Measure {
  name: string;
  aggregate: Aggregate;
  /** Of the rows of flows. */
  of: string;
  comment: string;
}

/** What tells one edge from another; its types are those of flows. */
const edge = [
  dimension(
    "direction",
    "Seen at the initiator (egress) or at the responder (ingress); add up one of them.",
  ),
  dimension("src_kind"),
  dimension("src_namespace", "Namespace of the initiator."),
  dimension("src_workload", "Workload of the initiator."),
  dimension("src_name", "Name of an initiator that is no pod."),
  dimension("dst_kind"),
  dimension("dst_namespace", "Namespace of the responder."),
  dimension("dst_workload", "Workload of the responder."),
  dimension("dst_name", "Name of a responder that is no pod."),
  dimension("dst_port", "Port of the responder."),
  dimension("protocol", "TCP, UDP, ICMP ..."),
  dimension("verdict"),
  dimension("reason", "Why."),
  dimension("generation", "Policy generation that gave the verdict."),
];

const measures: Measure[] = [
  measure("connections", "sum(flows.connections)", "Connections opened."),
  measure("answered", "countIf(flows.answered)", "Records that say the connection was answered."),
  measure("refused", "countIf(flows.refused)", "Records that say the connection was refused."),
  measure("guessed", "countIf(flows.guessed)", "Records whose initiator is a guess."),
  measure("packets", "sum(flows.packets)", "Source to destination."),
  measure("bytes", "sum(flows.bytes)", "Of the IP layer, source to destination."),
  measure("reply_packets", "sum(flows.reply_packets)", "Destination to source."),
  measure("reply_bytes", "sum(flows.reply_bytes)", "Of the IP layer, destination to source."),
  measure("rows", "count()", "Rows of flows in here."),
  measure("first", "min(flows.start)", "Earliest packet of a connection in here.", "min"),
  measure("last", "max(flows.last)", "Latest packet in here.", "max"),
];

interface Level {
  name: "1m" | "1h" | "1d";
  from: string;
  start: string;
  time: string;
  comment: string;
  partitionBy: string;
  days: number;
}

const levels: Level[] = [
  {
    ...{
      name: "1m",
      from: "flows",
      start: "toStartOfMinute",
      partitionBy: "toDate(time)",
      days: 30,
    },
    ...{ time: "Start of the minute.", comment: "Edges between workloads per minute." },
  },
  {
    ...{
      name: "1h",
      from: "edges_1m",
      start: "toStartOfHour",
      partitionBy: "toMonday(time)",
      days: 400,
    },
    ...{ time: "Start of the hour.", comment: "Edges between workloads per hour." },
  },
  {
    ...{
      name: "1d",
      from: "edges_1h",
      start: "toStartOfDay",
      partitionBy: "toYYYYMM(time)",
      days: 1100,
    },
    ...{ time: "Start of the day, UTC.", comment: "Edges between workloads per day (UTC)." },
  },
];

const key = "time, src_namespace, src_workload, dst_namespace, dst_workload";
const order = `${key}, dst_port, protocol, verdict, direction, src_kind, src_name, dst_kind, dst_name, reason, generation`;

export const edges: TableDefinition[] = levels.map((level) => ({
  name: `edges_${level.name}`,
  comment: level.comment,
  columns: [
    column("time", "DateTime('UTC')", level.time, "Delta(4), ZSTD(1)"),
    ...edge,
    ...measures.map(({ name, aggregate, comment }) =>
      aggregate === "sum"
        ? column(name, "SimpleAggregateFunction(sum, UInt64)", comment, codecs.counts)
        : column(
            name,
            `SimpleAggregateFunction(${aggregate}, ${timeType})`,
            comment,
            codecs.rising,
          ),
    ),
  ],
  engine: "AggregatingMergeTree",
  partitionBy: level.partitionBy,
  primaryKey: `(${key})`,
  orderBy: `(${order})`,
  ttl: { time: "time", days: level.days },
  deduplicationWindow: 10_000,
  shardBy: "cityHash64(src_namespace, src_workload)",
}));

export const edgeFeeds: FeedDefinition[] = levels.map(({ name: level, from, start }) => {
  const dimensions = edge.map((one) => one.name).join(", ");
  const sums = measures.map(({ name, aggregate, of }) =>
    from === "flows" ? `${of} AS ${name}` : `${aggregate}(${from}.${name}) AS ${name}`,
  );
  return {
    name: `edges_${level}_from_${from.replace("edges_", "")}`,
    from,
    to: `edges_${level}`,
    select: `SELECT
    ${[`${start}(time) AS time`, dimensions, ...sums].join(",\n    ")}
FROM ${from}
GROUP BY time, ${dimensions}`,
  };
});

function dimension(name: string, comment?: string): Column {
  const found = flows.columns.find((one) => one.name === name);
  if (found === undefined) throw new TypeError(`flows has no column ${name}`);
  return column(name, found.type, comment ?? found.comment, found.codec);
}

function measure(name: string, of: string, comment: string, aggregate: Aggregate = "sum"): Measure {
  return { name, of, comment, aggregate };
}
