/** One end of a flow as the command line prints it; what is unknown is absent. */
export interface FlowEnd {
  ip: string;
  /** Not for protocols without ports. */
  port?: number;
  namespace?: string;
  pod?: string;
  workload?: string;
  /** Of an end that is no pod: node, service, unit or process of a host, DNS name. */
  name?: string;
}

/** A line of `weir flows -o json`. */
export interface FlowLine {
  /** RFC 3339, UTC. */
  time: string;
  node: string;
  direction?: "egress" | "ingress";
  source: FlowEnd;
  destination: FlowEnd;
  protocol: string;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  verdict?: "allowed" | "denied";
  reason: string;
  generation: number;
  /** Microseconds, from here on. */
  handshakeRttUs?: number;
  srttUs?: number;
  firstByteUs?: number;
  /** Not where there were none. */
  retransmits?: number;
  /** Not while the connection is open. */
  closeReason?: CloseReason;
  /** TCP that was open before it was first seen. */
  beforeStart?: true;
  /** Whose the end was that was observed. */
  process?: FlowLineProcess;
  /** The name that the initiator had asked for. */
  dnsName?: string;
}

export interface FlowLineProcess {
  pid: number;
  /** RFC 3339, UTC. */
  start?: string;
  comm?: string;
  executable?: string;
  cgroupId?: number;
  container?: string;
}

export const closeReasons = [
  "none",
  "fin",
  "reset_by_source",
  "reset_by_destination",
  "refused",
  "unreachable",
  "idle",
  "unwatched",
  "replaced",
] as const;

export type CloseReason = (typeof closeReasons)[number];

/** A row of `flowsQuery`. */
export interface FlowRow extends FlowKnowledge {
  time: string;
  node: string;
  direction: "unknown" | "egress" | "ingress";
  src_ip: string;
  src_port: number;
  src_namespace: string;
  src_pod: string;
  src_workload: string;
  src_name: string;
  dst_ip: string;
  dst_port: number;
  dst_namespace: string;
  dst_pod: string;
  dst_workload: string;
  dst_name: string;
  protocol: string;
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
  verdict: "unknown" | "allowed" | "denied";
  reason: string;
  generation: number;
}

/** Of such a row: what is known of the connection beyond its counters. */
export interface FlowKnowledge {
  handshake_rtt_us: number | null;
  srtt_us: number | null;
  first_byte_us: number | null;
  retransmits: number;
  close_reason: CloseReason;
  before_start: boolean;
  process_pid: number | null;
  process_start: string | null;
  process_comm: string;
  process_executable: string;
  process_cgroup_id: number | null;
  process_container: string;
  dns_name: string;
}

const protocolsWithPorts = new Set(["TCP", "UDP", "SCTP", "DCCP", "UDPLite"]);

/** A row as the command line prints it. */
export function flowLine(row: FlowRow): FlowLine {
  const ports = protocolsWithPorts.has(row.protocol);
  return {
    time: row.time,
    node: row.node,
    ...(row.direction === "unknown" ? {} : { direction: row.direction }),
    source: {
      ip: row.src_ip,
      ...(ports ? { port: row.src_port } : {}),
      ...known(row.src_namespace, row.src_pod, row.src_workload, row.src_name),
    },
    destination: {
      ip: row.dst_ip,
      ...(ports ? { port: row.dst_port } : {}),
      ...known(row.dst_namespace, row.dst_pod, row.dst_workload, row.dst_name),
    },
    protocol: row.protocol,
    packets: row.packets,
    bytes: row.bytes,
    replyPackets: row.reply_packets,
    replyBytes: row.reply_bytes,
    ...(row.verdict === "unknown" ? {} : { verdict: row.verdict }),
    reason: row.reason,
    generation: row.generation,
    ...knowledge(row),
  };
}

/** What is known beyond the counters; what is not is left out. */
function knowledge(row: FlowKnowledge): Partial<FlowLine> {
  return {
    ...(row.handshake_rtt_us === null ? {} : { handshakeRttUs: row.handshake_rtt_us }),
    ...(row.srtt_us === null ? {} : { srttUs: row.srtt_us }),
    ...(row.first_byte_us === null ? {} : { firstByteUs: row.first_byte_us }),
    ...(row.retransmits === 0 ? {} : { retransmits: row.retransmits }),
    ...(row.close_reason === "none" ? {} : { closeReason: row.close_reason }),
    ...(row.before_start ? { beforeStart: true } : {}),
    ...(row.process_pid === null ? {} : { process: processOf(row, row.process_pid) }),
    ...(row.dns_name === "" ? {} : { dnsName: row.dns_name }),
  };
}

function processOf(row: FlowKnowledge, pid: number): FlowLineProcess {
  return {
    pid,
    ...(row.process_start === null ? {} : { start: row.process_start }),
    ...(row.process_comm === "" ? {} : { comm: row.process_comm }),
    ...(row.process_executable === "" ? {} : { executable: row.process_executable }),
    ...(row.process_cgroup_id === null ? {} : { cgroupId: row.process_cgroup_id }),
    ...(row.process_container === "" ? {} : { container: row.process_container }),
  };
}

function known(namespace: string, pod: string, workload: string, name: string): Partial<FlowEnd> {
  return {
    ...(namespace === "" ? {} : { namespace }),
    ...(pod === "" ? {} : { pod }),
    ...(workload === "" ? {} : { workload }),
    ...(name === "" ? {} : { name }),
  };
}
