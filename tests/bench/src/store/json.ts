import { formatAddress } from "@weir/codec";
import type { PerRow, Slice } from "./traffic.ts";

/** Rows as a client without a writer of its own has them: an object each. */
export function jsonLines(batch: readonly Slice[]): object[] {
  return batch.flatMap((slice) =>
    Array.from({ length: slice.columns.count }, (_, at) => rowOf(slice, at)),
  );
}

function rowOf({ columns, sources, destinations, reasons }: Slice, at: number): object {
  const process = columns.processes[(columns.process[at] ?? 0) - 1];
  const time = (micros: Float64Array) => new Date((micros[at] ?? 0) / 1000).toISOString();
  return {
    time: time(columns.time),
    start: time(columns.first),
    last: time(columns.last),
    node: columns.node,
    boot_id: columns.bootId,
    block: columns.block,
    kind: columns.kind[at],
    direction: columns.direction[at],
    ...end("src", columns.srcAddr, at, columns.srcPort, sources),
    ...end("dst", columns.dstAddr, at, columns.dstPort, destinations),
    protocol: columns.protocol[at] === 6 ? "TCP" : "UDP",
    connections: columns.connections[at],
    packets: columns.packets[at],
    bytes: columns.bytes[at],
    reply_packets: columns.replyPackets[at],
    reply_bytes: columns.replyBytes[at],
    verdict: columns.verdict[at],
    reason: valueOf(reasons, at),
    generation: columns.generation[at],
    answered: ((columns.flags[at] ?? 0) & 2) !== 0,
    tcp_flags: columns.tcpFlags[at],
    reply_tcp_flags: columns.replyTcpFlags[at],
    ifindex: columns.ifindex[at],
    handshake_rtt_us: columns.handshakeRttUs[at],
    srtt_us: columns.srttUs[at],
    first_byte_us: columns.firstByteUs[at],
    retransmits: columns.retransmits[at],
    close_reason: columns.closeReason[at],
    process_pid: process?.pid,
    process_start: process === undefined ? null : new Date(process.start / 1000).toISOString(),
    process_comm: process?.comm,
    process_executable: process?.executable,
    process_cgroup_id: process?.cgroup_id,
    dns_name: columns.names[(columns.dns[at] ?? 0) - 1] ?? "",
  };
}

function end(
  side: "src" | "dst",
  addresses: Uint8Array,
  at: number,
  ports: Uint16Array,
  parties: Slice["sources"],
): object {
  const party = valueOf(parties, at);
  return {
    [`${side}_addr`]: formatAddress(addresses, at * 16),
    [`${side}_port`]: ports[at],
    [`${side}_kind`]: party?.kind,
    [`${side}_namespace`]: party?.namespace,
    [`${side}_workload`]: party?.workload,
    [`${side}_pod`]: party?.pod,
    [`${side}_name`]: party?.name,
  };
}

function valueOf<Value>({ values, of }: PerRow<Value>, at: number): Value | undefined {
  return values[of[at] ?? 0];
}
