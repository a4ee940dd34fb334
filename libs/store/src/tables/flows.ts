import { recordColumns } from "./record.ts";
import {
  type Alias,
  codecs,
  type Column,
  column,
  nameType,
  type TableDefinition,
} from "./table.ts";

const ofBlock = recordColumns("weir.flows.v1");
const of = recordColumns("weir.flows.v1", "flows");
const ofProcess = recordColumns("weir.flows.v1", "processes");

const rising = { codec: codecs.rising };
const counts = { codec: codecs.counts };
const plain = { codec: codecs.plain };
const party = "pod, service, node or host; empty: unknown.";
const time = "DateTime64(6, 'UTC')";
const flag = (
  name: "answered" | "refused" | "guessed" | "fragments" | "before_start",
  text: string,
) => column(name, "Bool", text, codecs.plain);

/**
 * The text of an address. The bounds are texts, not toIPv6(...): an index is used only where its
 * expression and that of the question are written the same, unfolded.
 */
const asText = (address: string) =>
  `if((${address} >= '::ffff:0.0.0.0') AND (${address} <= '::ffff:255.255.255.255'), substring(IPv6NumToString(${address}), 8), IPv6NumToString(${address}))`;

const addressText = (end: "src" | "dst"): Alias => ({
  ...column(`${end}_ip`, "String", `${end}_addr as text: 10.0.0.1 or fd00::1.`),
  alias: asText(`${end}_addr`),
});

/** Columns that a writer of `flows` fills, in the order of the table. */
export const flowColumns = [
  // Differences and indexes in a block; moments, and what they stand for, in a row.
  column("time", time, "When the record was made.", codecs.rising),
  column("start", time, "First packet of the connection.", codecs.rising),
  column("last", time, "Latest packet of the connection.", codecs.rising),
  ofBlock("node"),
  ofBlock("boot_id"),
  ofBlock("block", {
    ...rising,
    comment: "Number of the message that brought the row; counts up per node.",
  }),
  of("kind"),
  of("direction"),
  column("src_addr", "IPv6", "The initiator; IPv4 as ::ffff:a.b.c.d.", codecs.plain),
  of("src_port", { bits: 16, ...plain }),
  column("src_kind", nameType, party),
  column("src_namespace", nameType, "Namespace of the initiator; empty: unknown or none."),
  column("src_workload", nameType, "Top owner of the initiator, such as its Deployment."),
  column("src_pod", nameType, "Pod of the initiator."),
  column(
    "src_name",
    nameType,
    "Name of an initiator that is no pod: node, host process or DNS name.",
  ),
  column("dst_addr", "IPv6", "The responder; IPv4 as ::ffff:a.b.c.d.", codecs.plain),
  of("dst_port", { bits: 16, ...plain }),
  column("dst_kind", nameType, party),
  column("dst_namespace", nameType, "Namespace of the responder; empty: unknown or none."),
  column("dst_workload", nameType, "Top owner of the responder, such as its Deployment."),
  column("dst_pod", nameType, "Pod of the responder."),
  column(
    "dst_name",
    nameType,
    "Name of a responder that is no pod: service, node, host process or DNS name.",
  ),
  column("protocol", nameType, "TCP, UDP, ICMP, ICMPv6, SCTP ..., else the IANA number."),
  of("connections", { bits: 8, ...plain }),
  of("packets", counts),
  of("bytes", counts),
  of("reply_packets", counts),
  of("reply_bytes", counts),
  of("verdict"),
  column("reason", nameType, "Why: the policy and rule, or observed, not-isolated, node, icmp ..."),
  of("generation", plain),
  flag("answered", "A reply was seen that is no refusal."),
  flag("refused", "Answered by RST to the SYN, or by ICMP unreachable."),
  flag(
    "guessed",
    "No handshake was seen: the sender of the first packet is taken for the initiator.",
  ),
  flag("fragments", "The counts include fragments."),
  of("tcp_flags", { bits: 8, ...plain }),
  of("reply_tcp_flags", { bits: 8, ...plain }),
  of("ifindex", plain),
  of("handshake_rtt_us", { isNullable: true, ...plain }),
  of("srtt_us", { isNullable: true, ...plain }),
  of("first_byte_us", { isNullable: true, ...plain }),
  of("retransmits", plain),
  of("close_reason", plain),
  flag(
    "before_start",
    "TCP that was open before it was first seen: nothing of its beginning is known.",
  ),
  ofProcess("process_pid", { field: "pid", isNullable: true, ...plain }),
  ofProcess("process_start", {
    ...{ field: "start", isNullable: true, ...plain },
    comment: "When that process began, to 10 ms: ids come again.",
  }),
  ofProcess("process_comm", {
    field: "comm",
    comment: "Name of its command; empty: unknown.",
  }),
  ofProcess("process_executable", {
    field: "executable",
    comment: "Path of its program as it sees it; empty: unknown.",
  }),
  ofProcess("process_cgroup_id", { field: "cgroup_id", isNullable: true, ...plain }),
  ofProcess("process_container", { field: "container" }),
  column(
    "dns_name",
    nameType,
    "Name that the initiator had asked for: lower case, without the trailing dot; empty: unknown.",
  ),
] as const;

const blockOfRow = "node, boot_id, block, toStartOfFiveMinutes(time)";

const key = "toStartOfFiveMinutes(time), src_namespace, src_workload, dst_namespace, dst_workload";

/**
 * What every interface saw of every connection. Sorted by five minutes, then by edge: one edge's
 * rows lie together, so names and addresses cost next to nothing.
 */
export const flows: TableDefinition = {
  name: "flows",
  comment:
    "What one interface saw of one connection in one interval; deltas add up over a connection's rows.",
  columns: flowColumns.flatMap((one): (Column | Alias)[] => {
    if (one.name === "src_addr") return [one, addressText("src")];
    return one.name === "dst_addr" ? [one, addressText("dst")] : [one];
  }),
  engine: "MergeTree",
  partitionBy: "toDate(time)",
  primaryKey: `(${key})`,
  orderBy: `(${key}, dst_port, dst_addr, src_addr, node, time)`,
  ttl: { time: "toDateTime(time)", days: 30 },
  deduplicationWindow: 10_000,
  settings: {
    // A question after one address wants a row here and there, and unpacks a column's block for
    // each: a fifth of its time, for one part in a hundred more on disk.
    min_compress_block_size: 8192,
    max_compress_block_size: 65_536,
    // Column by column a merge takes half as long again; only large ones need what that saves of memory.
    vertical_merge_algorithm_min_rows_to_activate: 5_000_000,
  },
  indexes: [
    // As people write addresses, and as weir asks: the bytes, a granule at a time.
    { name: "src_ip_bloom", definition: "src_ip TYPE bloom_filter(0.01) GRANULARITY 2" },
    { name: "dst_ip_bloom", definition: "dst_ip TYPE bloom_filter(0.01) GRANULARITY 2" },
    { name: "src_addr_bloom", definition: "src_addr TYPE bloom_filter(0.01) GRANULARITY 1" },
    { name: "dst_addr_bloom", definition: "dst_addr TYPE bloom_filter(0.01) GRANULARITY 1" },
  ],
  projections: [
    // Rows of each block, which a collector's reports are held against: counted per part, so that
    // what is deleted, dropped with its day, repeated or late is counted as it is.
    {
      name: "blocks",
      select: `SELECT ${blockOfRow}, count(), min(time), max(time) GROUP BY ${blockOfRow}`,
    },
  ],
  shardBy: "cityHash64(node, block)",
};
