import { addRange, type TimeRange } from "./range.ts";
import { Conditions, type Statement } from "./statement.ts";

export interface EdgesQuestion extends TimeRange {
  /** Edges with an end in this namespace. */
  namespace?: string | undefined;
  /** Edges with an end in this workload of `namespace`. */
  workload?: string | undefined;
  /** What the kernel judged by this generation of policies. */
  generation?: number | undefined;
}

/**
 * What was seen between two workloads on one port, at one side: `egress` rows at the initiator's
 * interfaces, `ingress` rows at the responder's. The two views of one connection are two rows.
 */
export interface EdgeRow {
  direction: "unknown" | "egress" | "ingress";
  src_kind: string;
  src_namespace: string;
  src_workload: string;
  src_name: string;
  /** Empty for a workload's pods; nodes, services and what lies outside are told apart by address. */
  src_ip: string;
  dst_kind: string;
  dst_namespace: string;
  dst_workload: string;
  dst_name: string;
  dst_ip: string;
  dst_port: number;
  protocol: string;
  /** Connections that were active in the range. */
  connections: number;
  /** Those of them that were answered with something that is no refusal. */
  answered: number;
  /** Those that were answered by RST or ICMP unreachable, and never otherwise. */
  refused: number;
  /** Those that the kernel denied at least once. */
  denied: number;
  /** Those whose initiator is a guess. */
  guessed: number;
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
  /** RFC 3339: first and latest packet. */
  first: string;
  last: string;
  /** Distinct addresses at either end. */
  sources: number;
  destinations: number;
}

const ends =
  "src_kind, src_namespace, src_workload, src_name, src_ip, dst_kind, dst_namespace, dst_workload, dst_name, dst_ip";

/** Where no policy is in force, the kernel gives it no reason of its own; an echo has an identifier. */
const signalling =
  "reason = 'icmp' OR (reason = 'observed' AND protocol IN ('ICMP', 'ICMPv6') AND src_port = 0)";

/**
 * Edges between workloads with the evidence for them, from the raw flows. Connections are first
 * put together from their rows, so that one that was answered in a later row counts as answered.
 * Signalling that no policy stops (neighbour discovery, MLD, ICMP errors) is nobody's connection.
 */
export function edgesQuery(question: EdgesQuestion): Statement {
  const conditions = new Conditions();
  addRange(conditions, "time", question);
  conditions.add(`NOT (${signalling})`);
  if (question.namespace !== undefined) {
    const { namespace, workload } = question;
    const end = (side: string) =>
      workload === undefined
        ? `${side}_namespace = {namespace:String}`
        : `(${side}_namespace = {namespace:String} AND ${side}_workload = {workload:String})`;
    conditions.add(`(${end("src")} OR ${end("dst")})`, {
      namespace,
      ...(workload === undefined ? {} : { workload }),
    });
  }
  if (question.generation !== undefined)
    conditions.add("generation = {generation:UInt32}", { generation: question.generation });
  const sql = `SELECT
    direction, ${ends}, dst_port, protocol,
    sum(opened) AS connections,
    sumIf(opened, was_answered) AS answered,
    sumIf(opened, was_refused AND NOT was_answered) AS refused,
    sumIf(opened, was_denied) AS denied,
    sumIf(opened, was_guessed) AS guessed,
    sum(sent_packets) AS packets,
    sum(sent_bytes) AS bytes,
    sum(returned_packets) AS reply_packets,
    sum(returned_bytes) AS reply_bytes,
    min(began) AS first,
    max(ended) AS last,
    uniqExact(src_addr) AS sources,
    uniqExact(dst_addr) AS destinations
FROM
(
    SELECT
        direction, src_kind, src_namespace, src_workload, src_name,
        if(src_kind = 'pod' AND src_workload != '', '', any(flows.src_ip)) AS src_ip,
        dst_kind, dst_namespace, dst_workload, dst_name,
        if(dst_kind = 'pod' AND dst_workload != '', '', any(flows.dst_ip)) AS dst_ip,
        dst_port, protocol, src_addr, dst_addr,
        greatest(sum(flows.connections), 1) AS opened,
        max(flows.answered) AS was_answered,
        max(flows.refused) AS was_refused,
        max(flows.verdict = 'denied') AS was_denied,
        max(flows.guessed) AS was_guessed,
        sum(flows.packets) AS sent_packets,
        sum(flows.bytes) AS sent_bytes,
        sum(flows.reply_packets) AS returned_packets,
        sum(flows.reply_bytes) AS returned_bytes,
        min(flows.start) AS began,
        max(flows.last) AS ended
    FROM flows
    WHERE ${conditions.toString()}
    GROUP BY
        node, boot_id, ifindex, direction, src_addr, src_port, dst_addr, dst_port, protocol,
        src_kind, src_namespace, src_workload, src_name, dst_kind, dst_namespace, dst_workload, dst_name
)
GROUP BY direction, ${ends}, dst_port, protocol
ORDER BY direction, ${ends}, dst_port, protocol`;
  return { sql, parameters: conditions.parameters };
}
