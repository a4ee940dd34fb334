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
  src_addr: { offset: 64, bytes: 16 },
  dst_addr: { offset: 80, bytes: 16 },
  ifindex: { offset: 96, bytes: 4 },
  generation: { offset: 100, bytes: 4 },
  rule: { offset: 104, bytes: 4 },
  src_port: { offset: 108, bytes: 2 },
  dst_port: { offset: 110, bytes: 2 },
  cpu: { offset: 112, bytes: 2 },
  protocol: { offset: 114, bytes: 1 },
  direction: { offset: 115, bytes: 1 },
  verdict: { offset: 116, bytes: 1 },
  reason: { offset: 117, bytes: 1 },
  kind: { offset: 118, bytes: 1 },
  flags: { offset: 119, bytes: 1 },
  tcp_flags: { offset: 120, bytes: 1 },
  reply_tcp_flags: { offset: 121, bytes: 1 },
  connections: { offset: 122, bytes: 1 },
} as const;

/** sizeof(struct weir_flow_record). */
export const flowRecordBytes = 128;

/** Bits of `flags`. */
export const flowFlags = {
  initiatorGuessed: 1,
  answered: 2,
  refused: 4,
  fragments: 8,
  ipv6: 16,
} as const;

/** Symbols of the four enums; an index is the value in the kernel, on the wire and in the columns. */
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
} as const;
