/**
 * IP addresses as the kernel's maps hold them: 16 bytes, IPv4 as ::ffff:a.b.c.d. Here the 16 bytes
 * are one bigint, so that a prefix is a mask and an address a map key.
 */

export const addressBits = 128;

/** Where IPv4 lives in the 16-byte form. */
const mapped = 0xffffn << 32n;
const mappedBits = 96;

export interface Prefix {
  /** The address with all bits beyond `length` cleared. */
  bits: bigint;
  /** 0..128, of the 16-byte form: an IPv4 /24 has 120. */
  length: number;
  family: 4 | 6;
}

/** All of IPv4. */
export const everyIPv4: Prefix = { bits: mapped, length: mappedBits, family: 4 };

export function familyOf(address: bigint): 4 | 6 {
  return address >> 32n === 0xffffn ? 4 : 6;
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const tail = index === parts.length - 1 ? parseIPv4(part) : undefined;
      if (tail === undefined) return undefined;
      groups.push(Number(tail >> 16n), Number(tail & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function parseIPv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string) : [];
  if (head === undefined || tail === undefined) return undefined;
  if (halves.length === 2 && halves[0]?.includes(".")) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The 16-byte form as a number, or undefined where the text is no address (zones are none). */
export function parseAddress(text: string): bigint | undefined {
  if (text.includes(":")) return parseIPv6(text);
  const four = parseIPv4(text);
  return four === undefined ? undefined : mapped | four;
}

function maskOf(length: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(addressBits - length);
}

/** Canonical text: dotted IPv4, compressed IPv6. */
export function formatAddress(address: bigint): string {
  if (familyOf(address) === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((address >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  const runs = [...groups.join(":").matchAll(/\b0(?::0)+\b/g)];
  const longest = runs.sort((a, b) => b[0].length - a[0].length)[0];
  if (longest === undefined) return groups.join(":");
  const text = groups.join(":");
  const head = text.slice(0, longest.index).replace(/:$/, "");
  const tail = text.slice(longest.index + longest[0].length).replace(/^:/, "");
  return `${head}::${tail}`;
}

/** A prefix from `10.0.0.0/8` or `fd00::/8`; host bits are cleared. Undefined where it is none. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (match === null) return undefined;
  const address = parseAddress(match[1] as string);
  if (address === undefined) return undefined;
  const written = Number(match[2]);
  const dotted = !(match[1] as string).includes(":");
  if (written > (dotted ? 32 : addressBits)) return undefined;
  const length = dotted ? written + mappedBits : written;
  const bits = address & maskOf(length);
  const family = length >= mappedBits && familyOf(bits) === 4 ? 4 : 6;
  return { bits, length, family };
}

export function formatPrefix(prefix: Prefix): string {
  const length = prefix.family === 4 ? prefix.length - mappedBits : prefix.length;
  return `${formatAddress(prefix.bits)}/${length}`;
}

/** The prefix that holds this address alone. */
export function hostPrefix(address: bigint): Prefix {
  return { bits: address, length: addressBits, family: familyOf(address) };
}

/** True when every address of `inner` is one of `outer`; families never contain each other. */
export function contains(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  return (inner.bits & maskOf(outer.length)) === outer.bits;
}

/** True when the bits agree, whatever the families: what an LPM trie of 16-byte keys does. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && (inner.bits & maskOf(outer.length)) === outer.bits;
}

/** As the maps and schemas/events hold it. */
export function addressBytes(address: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let index = 15, rest = address; index >= 0; index -= 1, rest >>= 8n) {
    bytes[index] = Number(rest & 0xffn);
  }
  return bytes;
}

/** From the 16-byte form. Throws RangeError on any other length. */
export function addressFromBytes(bytes: Uint8Array): bigint {
  if (bytes.length !== 16) throw new RangeError(`an address has 16 bytes, not ${bytes.length}`);
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
