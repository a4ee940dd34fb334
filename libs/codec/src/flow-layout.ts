/**
 * struct weir_flow_record of bpf/wire.h: byte offset and size of each field, in host byte order.
 * A kernel test holds it to what BTF says of the compiled programs. Fields are in the order of the
 * struct; `pad` is not a field.
 */
export const flowLayout = {
  time: { offset: 0, bytes: 8 },
  first: { offset: 8, bytes: 8 },
  last: { offset: 16, bytes: 8 },
  sequence: { offset: 24, bytes: 8 },
  packets: { offset: 32, bytes: 8 },
  bytes: { offset: 40, bytes: 8 },
  reply_packets: { offset: 48, bytes: 8 },
  reply_bytes: { offset: 56, bytes: 8 },
  process: { offset: 64, bytes: 8 },
  src_addr: { offset: 72, bytes: 16 },
  dst_addr: { offset: 88, bytes: 16 },
  ifindex: { offset: 104, bytes: 4 },
  generation: { offset: 108, bytes: 4 },
  rule: { offset: 112, bytes: 4 },
  handshake_rtt_us: { offset: 116, bytes: 4 },
  srtt_us: { offset: 120, bytes: 4 },
  retransmits: { offset: 124, bytes: 4 },
  first_byte_us: { offset: 128, bytes: 4 },
  dns: { offset: 132, bytes: 4 },
  src_port: { offset: 136, bytes: 2 },
  dst_port: { offset: 138, bytes: 2 },
  cpu: { offset: 140, bytes: 2 },
  protocol: { offset: 142, bytes: 1 },
  direction: { offset: 143, bytes: 1 },
  verdict: { offset: 144, bytes: 1 },
  reason: { offset: 145, bytes: 1 },
  kind: { offset: 146, bytes: 1 },
  flags: { offset: 147, bytes: 1 },
  tcp_flags: { offset: 148, bytes: 1 },
  reply_tcp_flags: { offset: 149, bytes: 1 },
  connections: { offset: 150, bytes: 1 },
  close_reason: { offset: 151, bytes: 1 },
} as const;

/** sizeof(struct weir_flow_record). */
export const flowRecordBytes = 152;

/** Bits of `flags`. */
export const flowFlags = {
  initiatorGuessed: 1,
  answered: 2,
  refused: 4,
  fragments: 8,
  ipv6: 16,
  beforeStart: 32,
} as const;

/** Symbols of the five enums; an index is the value in the kernel, on the wire and in the columns. */
export const flowSymbols = {
  direction: ["unknown", "egress", "ingress"],
  verdict: ["unknown", "allowed", "denied"],
  reason: [
    "unknown",
    "observed",
    "not_isolated",
    "policy",
    "node",
    "icmp",
    "default_deny",
    "shadow_deny",
    "malformed",
    "fragment",
  ],
  kind: ["unknown", "opened", "closed", "denied_edge", "changed", "active", "idle"],
  close_reason: [
    "none",
    "fin",
    "reset_by_source",
    "reset_by_destination",
    "refused",
    "unreachable",
    "idle",
    "unwatched",
    "replaced",
  ],
} as const;
