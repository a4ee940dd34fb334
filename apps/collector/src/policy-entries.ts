import type { PolicySet } from "@weir/codec";

/** Keys and values as they lie in the maps of bpf/wire.h, `count` of each back to back. */
export interface MapEntries {
  keys: Uint8Array;
  values: Uint8Array;
  count: number;
}

const identityKeyBytes = 20;
const ruleKeyBytes = 16;
const addressBytes = 16;
/** WEIR_IDENTITY_NODE_FLAG: beside the identity, so that rules for the address go on to hold. */
export const nodeFlag = 2 ** 31;

/**
 * `identities`: an entry per prefix. The node's own addresses get one each, with the identity that
 * the longest prefix gives them and the flag beside it.
 */
export function identityEntries(
  identities: PolicySet["identities"],
  nodeAddresses: Uint8Array[],
): MapEntries {
  const all = new Map<string, { addr: Uint8Array; prefix_bits: number; value: number }>();
  for (const { addr, prefix_bits, identity } of identities) {
    all.set(prefixKey(addr, prefix_bits), { addr, prefix_bits, value: identity });
  }
  for (const addr of nodeAddresses) {
    const value = longestMatch(identities, addr) + nodeFlag;
    all.set(prefixKey(addr, 128), { addr, prefix_bits: 128, value });
  }
  const entries = allocate(all.size, identityKeyBytes, 4);
  const keys = viewOf(entries.keys);
  const values = viewOf(entries.values);
  let index = 0;
  for (const { addr, prefix_bits, value } of all.values()) {
    keys.setUint32(index * identityKeyBytes, prefix_bits, littleEndian);
    entries.keys.set(addr, index * identityKeyBytes + 4);
    values.setUint32(index * 4, value, littleEndian);
    index++;
  }
  return entries;
}

/** `rules`: rule set and identity in full, then protocol and port as far as the prefix goes. */
export function ruleEntries(rules: PolicySet["entries"]): MapEntries {
  const entries = allocate(rules.length, ruleKeyBytes, 4);
  const keys = viewOf(entries.keys);
  const values = viewOf(entries.values);
  rules.forEach((rule, index) => {
    const at = index * ruleKeyBytes;
    keys.setUint32(at, rule.prefix_bits, littleEndian);
    keys.setUint32(at + 4, rule.rule_set, littleEndian);
    keys.setUint32(at + 8, rule.identity, littleEndian);
    keys.setUint8(at + 12, rule.protocol);
    keys.setUint16(at + 13, rule.port, false);
    values.setUint32(index * 4, rule.rule, littleEndian);
  });
  return entries;
}

export interface EndpointPolicy {
  ifindex: number;
  ingressRuleSet: number;
  egressRuleSet: number;
}

/** `endpoint_policies`: the rule sets of each interface. */
export function endpointEntries(policies: EndpointPolicy[]): MapEntries {
  const entries = allocate(policies.length, 4, 8);
  const keys = viewOf(entries.keys);
  const values = viewOf(entries.values);
  policies.forEach((policy, index) => {
    keys.setUint32(index * 4, policy.ifindex, littleEndian);
    values.setUint32(index * 8, policy.ingressRuleSet, littleEndian);
    values.setUint32(index * 8 + 4, policy.egressRuleSet, littleEndian);
  });
  return entries;
}

/** The maps are in the byte order of the machine. */
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function allocate(count: number, keyBytes: number, valueBytes: number): MapEntries {
  const keys = new Uint8Array(count * keyBytes);
  return { keys, values: new Uint8Array(count * valueBytes), count };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function prefixKey(addr: Uint8Array, bits: number): string {
  return `${Buffer.from(addr.buffer, addr.byteOffset, addressBytes).toString("hex")}/${bits}`;
}

function longestMatch(identities: PolicySet["identities"], addr: Uint8Array): number {
  let best = { bits: -1, identity: 0 };
  for (const { addr: prefix, prefix_bits: bits, identity } of identities) {
    if (bits > best.bits && matches(prefix, addr, bits)) best = { bits, identity };
  }
  return best.identity;
}

function matches(prefix: Uint8Array, addr: Uint8Array, bits: number): boolean {
  for (let index = 0; index * 8 < bits; index++) {
    const mask = 0xff00 >> Math.min(8, bits - index * 8);
    if ((((prefix[index] as number) ^ (addr[index] as number)) & mask & 0xff) !== 0) return false;
  }
  return true;
}
