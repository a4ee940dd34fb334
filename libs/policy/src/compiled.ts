/** What policies compile to: the arrays of schemas/events/weir.policies.v1.avsc, field by field. */

export interface IdentityEntry {
  /** 16 bytes, IPv4 as ::ffff:a.b.c.d. */
  addr: Uint8Array;
  /** 0..128, of the 16-byte form. */
  prefix_bits: number;
  /** 0 (world: a hole in a wider prefix) or at least `firstIdentity`. */
  identity: number;
}

export interface EndpointEntry {
  namespace: string;
  pod: string;
  /** The instance that is meant; empty: any of this name. */
  uid: string;
  /** 0: not isolated. */
  ingress_rule_set: number;
  egress_rule_set: number;
}

export interface RuleEntry {
  rule_set: number;
  /** 0: any peer. */
  identity: number;
  /** `anyProtocolBits`, `anyPortBits`, or that plus the bits of a port prefix. */
  prefix_bits: number;
  protocol: number;
  /** Host byte order, bits beyond the prefix cleared. */
  port: number;
  /** Id in `rules`. */
  rule: number;
}

export interface RuleText {
  rule: number;
  text: string;
}

export interface CompiledPolicy {
  identities: IdentityEntry[];
  /** Every pod with a network of its own, isolated or not. */
  endpoints: EndpointEntry[];
  entries: RuleEntry[];
  /** Texts of rule ids and, in the same space of ids, of rule sets: why each allows or denies. */
  rules: RuleText[];
}

/** As in bpf/wire.h. */
export const worldIdentity = 0;
export const firstIdentity = 16;
export const anyProtocolBits = 64;
export const anyPortBits = 72;
export const exactPortBits = 88;
