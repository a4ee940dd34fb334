import type { FlowProcess } from "./contract.ts";

/**
 * The records of schemas/events as TypeScript sees them; a test compares them with the schemas.
 * Times are microseconds since 1970 unless the schema says otherwise; addresses are 16 bytes, IPv4
 * as ::ffff:a.b.c.d.
 */

export interface Workload {
  kind: "pod" | "service" | "node" | "host";
  namespace: string;
  name: string;
  uid: string;
  workload: string;
  workload_kind: string;
  node: string;
  addresses: Uint8Array[];
  labels: Record<string, string>;
  namespace_labels: Record<string, string>;
  host_network: boolean;
  ports: { name: string; port: number; protocol: number }[];
  since: number;
  until: number | null;
}

export type Mode = "observe" | "shadow" | "enforce";

export interface PolicyDocument {
  namespace: string;
  name: string;
  text: string;
}

export interface IdentityRow {
  addr: Uint8Array;
  prefix_bits: number;
  identity: number;
}

export interface EndpointRow {
  namespace: string;
  pod: string;
  uid: string;
  ingress_rule_set: number;
  egress_rule_set: number;
}

export interface RuleRow {
  rule_set: number;
  identity: number;
  prefix_bits: number;
  protocol: number;
  port: number;
  rule: number;
}

export interface RuleTextRow {
  rule: number;
  text: string;
}

export interface PolicySet {
  generation: number;
  revision: number;
  mode: Mode;
  created: number;
  documents: PolicyDocument[];
  identities: IdentityRow[];
  endpoints: EndpointRow[];
  entries: RuleRow[];
  rules: RuleTextRow[];
}

/** What changed since `base_revision`; it follows on nothing else. */
export interface PolicyDelta {
  base_revision: number;
  revision: number;
  generation: number;
  mode: Mode;
  created: number;
  documents: { set: PolicyDocument[]; deleted: Omit<PolicyDocument, "text">[] };
  identities: { set: IdentityRow[]; deleted: Omit<IdentityRow, "identity">[] };
  endpoints: { set: EndpointRow[]; deleted: Pick<EndpointRow, "namespace" | "pod">[] };
  entries: { set: RuleRow[]; deleted: Omit<RuleRow, "rule">[] };
  rules: { set: RuleTextRow[]; deleted: number[] };
}

/** In the place of a set that is sent in parts. */
export interface PolicySetIndex {
  generation: number;
  revision: number;
  mode: Mode;
  created: number;
  parts: number;
  /** SHA-256 of the parts' messages. */
  digest: Uint8Array;
}

export interface PolicyChange {
  namespace: string;
  name: string;
  text: string;
  shadow: boolean;
  changed: number;
  author: string;
}

export interface Odometer {
  ifindex: number;
  interface: string;
  namespace: string;
  pod: string;
  from_packets: number;
  from_bytes: number;
  to_packets: number;
  to_bytes: number;
  other_packets: number;
  malformed_packets: number;
  malformed_bytes: number;
  untracked_packets: number;
  untracked_bytes: number;
  denied_packets: number;
  untracked_connections: number;
  late_edges: number;
}

export interface NodeReport {
  node: string;
  boot_id: string;
  time: number;
  version: string;
  generation: number;
  revision: number;
  mode: Mode;
  error: string | null;
  attached: string[];
  hooks: Record<string, string>;
  blocks: number;
  produced: number;
  lost: Record<string, number>;
  counters: Record<string, number>;
  odometers: Odometer[];
}

export interface Suggestion {
  namespace: string;
  workload: string;
  created: number;
  from: number;
  text: string;
  left_out: string[];
}

export interface ControllerClaim {
  id: string;
  host: string;
  process: string;
  beat: number;
}

export interface Event {
  time: number;
  node: string;
  boot_id: string;
  kind: string;
  namespace: string;
  workload: string;
  pod: string;
  text: string;
  fields: Record<string, string>;
}

/** Kind of an event that stands for others that could not be told: `count` of them, from `since` on. */
export const leftOutEvents = "events-left-out";

export interface DeadLetter {
  topic: string;
  partition: number;
  offset: number;
  function: string;
  reason: string;
  time: number;
  key: Uint8Array | null;
  value: Uint8Array | null;
}

export interface Flow {
  time: number;
  first: number;
  last: number;
  sequence: number;
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
  /** 1 + index into the block's `processes`; 0: unknown. */
  process: number;
  /** Index into the block's `addresses`. */
  src_addr: number;
  dst_addr: number;
  ifindex: number;
  generation: number;
  rule: number;
  handshake_rtt_us: number;
  srtt_us: number;
  retransmits: number;
  first_byte_us: number;
  /** 1 + index into the block's `names`; 0: unknown. */
  dns: number;
  src_port: number;
  dst_port: number;
  cpu: number;
  protocol: number;
  direction: "unknown" | "egress" | "ingress";
  verdict: "unknown" | "allowed" | "denied";
  reason:
    | "unknown"
    | "observed"
    | "not_isolated"
    | "policy"
    | "node"
    | "icmp"
    | "default_deny"
    | "shadow_deny"
    | "malformed"
    | "fragment";
  kind: "unknown" | "opened" | "closed" | "denied_edge" | "changed" | "active" | "idle";
  flags: number;
  tcp_flags: number;
  reply_tcp_flags: number;
  connections: number;
  close_reason:
    | "none"
    | "fin"
    | "reset_by_source"
    | "reset_by_destination"
    | "refused"
    | "unreachable"
    | "idle"
    | "unwatched"
    | "replaced";
}

export interface FlowBlock {
  node: string;
  boot_id: string;
  block: number;
  base_time: number;
  rules: { generation: number; rule: number; text: string }[];
  processes: FlowProcess[];
  names: string[];
  addresses: Uint8Array[];
  flows: Flow[];
}
