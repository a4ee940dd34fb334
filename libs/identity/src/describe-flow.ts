import { flowFlags, flowSymbols, formatAddress, protocolName } from "@weir/codec";
import type { FlowColumns } from "@weir/codec";
import { flowLine } from "@weir/query";
import type { FlowKnowledge, FlowLine } from "@weir/query";
import type { IdentityIndex } from "./identity-index.ts";
import type { ReasonTexts } from "./reason-text.ts";
import { partyAt, unknownParty } from "./workload-ref.ts";
import type { Party } from "./workload-ref.ts";

/**
 * Row `row` of a decoded block with the names its addresses had then, for a live tail. Copies what
 * it needs: the columns may be decoded into again.
 */
export function describeFlow(
  columns: FlowColumns,
  row: number,
  index: IdentityIndex,
  reasons: ReasonTexts,
): FlowLine {
  const protocol = columns.protocol[row] as number;
  const generation = columns.generation[row] as number;
  const [srcPort, dstPort] = [columns.srcPort[row] as number, columns.dstPort[row] as number];
  const party = (addresses: Uint8Array, port: number): Party =>
    partyAt(index.find(addresses, row * 16, columns.last[row] as number), port, protocol);
  const source = party(columns.srcAddr, srcPort);
  const destination = party(columns.dstAddr, dstPort);
  return flowLine({
    time: rfc3339(columns.time[row] as number),
    node: columns.node,
    direction: flowSymbols.direction[columns.direction[row] as number] ?? "unknown",
    src_ip: formatAddress(columns.srcAddr, row * 16),
    src_port: srcPort,
    src_namespace: source.namespace,
    src_pod: source.pod,
    src_workload: source.workload,
    src_name: source.name,
    dst_ip: formatAddress(columns.dstAddr, row * 16),
    dst_port: dstPort,
    dst_namespace: destination.namespace,
    dst_pod: destination.pod,
    dst_workload: destination.workload,
    dst_name: nameOf(destination, columns, row),
    protocol: protocolName(protocol),
    packets: columns.packets[row] as number,
    bytes: columns.bytes[row] as number,
    reply_packets: columns.replyPackets[row] as number,
    reply_bytes: columns.replyBytes[row] as number,
    verdict: flowSymbols.verdict[columns.verdict[row] as number] ?? "unknown",
    reason: reasons.text(columns.reason[row] as number, generation, columns.rule[row] as number),
    generation,
    ...knowledge(columns, row),
  });
}

/** Of who is no workload, the name that the initiator had asked for. */
function nameOf(party: Party, columns: FlowColumns, row: number): string {
  if (party !== unknownParty) return party.name;
  return columns.names[(columns.dns[row] as number) - 1] ?? "";
}

/** What the block knows of the connection beyond its counters. */
function knowledge(columns: FlowColumns, row: number): FlowKnowledge {
  const measured = (of: "handshakeRttUs" | "srttUs" | "firstByteUs"): number | null =>
    columns[of][row] || null;
  const process = columns.processes[(columns.process[row] as number) - 1];
  return {
    handshake_rtt_us: measured("handshakeRttUs"),
    srtt_us: measured("srttUs"),
    first_byte_us: measured("firstByteUs"),
    retransmits: columns.retransmits[row] as number,
    close_reason: flowSymbols.close_reason[columns.closeReason[row] as number] ?? "none",
    before_start: ((columns.flags[row] as number) & flowFlags.beforeStart) !== 0,
    process_pid: process?.pid ?? null,
    process_start: process?.start ? rfc3339(process.start) : null,
    process_comm: process?.comm ?? "",
    process_executable: process?.executable ?? "",
    process_cgroup_id: process?.cgroup_id || null,
    process_container: process?.container ?? "",
    dns_name: columns.names[(columns.dns[row] as number) - 1] ?? "",
  };
}

/** Microseconds since 1970 as the store writes them, with six decimals. */
function rfc3339(micros: number): string {
  const whole = new Date(Math.floor(micros / 1000)).toISOString().slice(0, -1);
  return `${whole}${String(micros % 1000).padStart(3, "0")}Z`;
}
