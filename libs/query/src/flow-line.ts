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
}

/** A row of `flowsQuery`. */
export interface FlowRow {
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
