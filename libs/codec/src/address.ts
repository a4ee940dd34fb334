import ipaddr from "ipaddr.js";

/** Addresses are 16 bytes everywhere; IPv4 is ::ffff:a.b.c.d. */
export const addressBytes = 16;

export interface Cidr {
  /** The network's address, bits past the prefix cleared. */
  addr: Uint8Array;
  /** Of the 16-byte form: an IPv4 /24 is 120. */
  prefixBits: number;
}

/** Thrown by parseAddress and parseCidr; the message shows the text, escaped and shortened. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

/** Dotted IPv4 without leading zeros, or IPv6 without a zone. Throws AddressError. */
export function parseAddress(text: string): Uint8Array {
  const parsed = tryParse(text);
  if (parsed === undefined) throw new AddressError(`${shown(text)} is no IPv4 or IPv6 address`);
  return parsed;
}

/** `10.0.0.0/8`, `2001:db8::/32`; the prefix is needed. Throws AddressError. */
export function parseCidr(text: string): Cidr {
  const slash = text.lastIndexOf("/");
  const addr = slash < 0 ? undefined : tryParse(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  const width = text.includes(":") ? 128 : 32;
  if (addr === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > width) {
    throw new AddressError(`${shown(text)} is no CIDR; write it as 10.0.0.0/8 or 2001:db8::/32`);
  }
  const prefixBits = Number(bits) + 128 - width;
  return { addr: maskAddress(addr, prefixBits), prefixBits };
}

function tryParse(text: string): Uint8Array | undefined {
  // ipaddr.js also takes zones, octal, hexadecimal and short forms, which no contract of ours has.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return Uint8Array.from(ipaddr.IPv4.parse(text).toIPv4MappedAddress().toByteArray());
  }
  if (/^[0-9a-fA-F:.]+$/.test(text) && text.includes(":") && ipaddr.IPv6.isValid(text)) {
    return Uint8Array.from(ipaddr.IPv6.parse(withoutDots(text)).toByteArray());
  }
  return undefined;
}

/** ipaddr.js takes ::1.2.3.4 for ::ffff:1.2.3.4, which is another address. */
function withoutDots(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_dotted, ...parts: string[]) => {
    const [a, b, c, d] = parts.map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

/** A copy with the bits past `prefixBits` (0..128) cleared. */
export function maskAddress(addr: Uint8Array, prefixBits: number): Uint8Array {
  const masked = Uint8Array.from(addr);
  for (let index = 0; index < addressBytes; index++) {
    const kept = Math.max(0, Math.min(8, prefixBits - index * 8));
    masked[index] = (masked[index] as number) & (0xff00 >> kept);
  }
  return masked;
}

/** True for ::ffff:0:0/96. */
export function isIPv4(bytes: Uint8Array, offset = 0): boolean {
  for (let index = 0; index < 10; index++) if (bytes[offset + index] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}

/** Text of the 16 bytes at `offset`: IPv4 dotted, IPv6 as RFC 5952 writes it. */
export function formatAddress(bytes: Uint8Array, offset = 0): string {
  if (isIPv4(bytes, offset)) {
    return `${bytes[offset + 12]}.${bytes[offset + 13]}.${bytes[offset + 14]}.${bytes[offset + 15]}`;
  }
  return formatIPv6(bytes, offset);
}

/** Text of a CIDR, IPv4 with an IPv4 prefix length. */
export function formatCidr(cidr: Cidr): string {
  const mapped = isIPv4(cidr.addr) && cidr.prefixBits >= 96;
  if (mapped) return `${formatAddress(cidr.addr)}/${cidr.prefixBits - 96}`;
  return `${formatIPv6(cidr.addr, 0)}/${cidr.prefixBits}`;
}

function formatIPv6(bytes: Uint8Array, offset: number): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) =>
      ((bytes[offset + index * 2] as number) << 8) | (bytes[offset + index * 2 + 1] as number),
  );
  const gap = longestZeros(groups);
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (gap.length < 2) return text(0, 8);
  return `${text(0, gap.start)}::${text(gap.start + gap.length, 8)}`;
}

/** The first longest run of zero groups: RFC 5952 shortens that one. */
function longestZeros(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}
