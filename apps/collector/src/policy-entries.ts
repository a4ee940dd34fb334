/**
 * Entries as they lie in the maps of bpf/wire.h. Keys and values are held as strings of one
 * character per byte: they can be compared, found in a Map and cost little.
 */

/** The maps of maps that hold what policies compile to. */
export const policyMapNames = ["identities", "rules", "endpoint_policies"] as const;
export type PolicyMapName = (typeof policyMapNames)[number];

export const entryBytes: Record<PolicyMapName, { key: number; value: number }> = {
  identities: { key: 20, value: 4 },
  rules: { key: 16, value: 4 },
  endpoint_policies: { key: 4, value: 8 },
};

/** WEIR_IDENTITY_NODE_FLAG: beside the identity, so that rules for the address go on to hold. */
export const nodeFlag = 2 ** 31;
export const addressBits = 128;
const fixedRuleBits = 64;
const allRuleBits = 88;

const scratch = Buffer.alloc(20);
/** The maps are in the byte order of the machine. */
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const writeU32 = (value: number, at: number): void => {
  if (littleEndian) scratch.writeUInt32LE(value, at);
  else scratch.writeUInt32BE(value, at);
};
const text = (bytes: number): string => scratch.toString("latin1", 0, bytes);

/** `identities`: prefix, then address; the bits beyond the prefix are cleared. Throws RangeError. */
export function identityKey(addr: Uint8Array, bits: number): string {
  if (addr.length !== 16 || !(Number.isInteger(bits) && bits >= 0 && bits <= addressBits)) {
    throw new RangeError(`an address of ${addr.length} bytes with a prefix of ${bits} bits`);
  }
  writeU32(bits, 0);
  scratch.set(addr, 4);
  clearBeyond(4, 20, bits);
  return text(20);
}

export interface RuleKey {
  rule_set: number;
  identity: number;
  prefix_bits: number;
  protocol: number;
  port: number;
}

/** `rules`: rule set and identity in full, then protocol and port as far as the prefix goes. Throws RangeError. */
export function ruleKey(rule: RuleKey): string {
  const bits = rule.prefix_bits;
  if (!(Number.isInteger(bits) && bits >= fixedRuleBits && bits <= allRuleBits)) {
    throw new RangeError(`a rule with a prefix of ${bits} bits`);
  }
  writeU32(bits, 0);
  writeU32(rule.rule_set, 4);
  writeU32(rule.identity, 8);
  scratch.writeUInt8(rule.protocol, 12);
  // In network order, so that a prefix of it is a range.
  scratch.writeUInt16BE(rule.port, 13);
  scratch.writeUInt8(0, 15);
  clearBeyond(4, 16, bits);
  return text(16);
}

/** `endpoint_policies`. */
export function interfaceKey(ifindex: number): string {
  return wordText(ifindex);
}

/** Values of `identities` and `rules`. */
export function wordText(value: number): string {
  writeU32(value, 0);
  return text(4);
}

/** Values of `endpoint_policies`. */
export function ruleSetsText(ingress: number, egress: number): string {
  writeU32(ingress, 0);
  writeU32(egress, 4);
  return text(8);
}

/** Strings of `size` bytes each, back to back. */
export function packed(texts: string[], size: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(texts.length * size);
  texts.forEach((one, index) => bytes.write(one, index * size, size, "latin1"));
  return bytes;
}

export function unpacked(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function clearBeyond(start: number, end: number, bits: number): void {
  const whole = start + (bits >> 3);
  if (bits % 8 !== 0) scratch[whole] = (scratch[whole] as number) & (0xff00 >> (bits % 8));
  scratch.fill(0, bits % 8 === 0 ? whole : whole + 1, end);
}
