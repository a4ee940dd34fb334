/**
 * What stored history says of one edge, as libs/query reads it: all connections of a window from
 * one source to one destination on one port, as one of the two ends saw them.
 */
export interface ObservedEnd {
  /** pod, service, node or host; empty: unknown, so outside. */
  kind: string;
  /** Of a pod or service; else empty. */
  namespace: string;
  workload: string;
  /** Of what is no pod: node, service or DNS name; may be empty. */
  name: string;
  /** Textual. May be empty for a pod: its workload says who it is. */
  address: string;
}

export interface ObservedEdge {
  /** egress: seen at the source's interface; ingress: at the destination's. */
  direction: "egress" | "ingress";
  source: ObservedEnd;
  destination: ObservedEnd;
  /** Of the destination; 0 for ICMP. */
  port: number;
  /** TCP, UDP, SCTP, ICMP, ICMPv6, else the IANA number. */
  protocol: string;
  connections: number;
  /** Connections that got a reply which is no refusal. */
  answered: number;
  /** Connections that were answered by RST or ICMP unreachable. */
  refused: number;
  /** Connections that policy stopped. */
  denied: number;
  /** Connections whose handshake was not seen, so that the initiator is a guess. */
  guessed: number;
  bytes: number;
  replyBytes: number;
  /** Microseconds since 1970. */
  first: number;
  last: number;
}
