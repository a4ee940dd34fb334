import { parseAddress } from "@weir/codec";

/** Builds packets byte by byte, so that a test says exactly what crosses. */

export const tcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

export const protocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

const be16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value & 0xffff)];

export function concat(...parts: ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

/** Ethernet with `tags` VLAN tags in the packet. */
export function ethernet(type: number, payload: Uint8Array, tags: number[] = []): Uint8Array {
  const macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
  const vlans = tags.flatMap((tag, index) => [
    ...be16(index === 0 && tags.length > 1 ? 0x88a8 : 0x8100),
    ...be16(tag),
  ]);
  return concat(macs, vlans, be16(type), payload);
}

export interface Ip {
  src: string;
  dst: string;
  protocol: number;
  payload: Uint8Array;
  id?: number;
  /** In bytes, a multiple of 8. */
  fragmentOffset?: number;
  moreFragments?: boolean;
  /** IPv4 only: options, a multiple of 4 bytes. */
  options?: number[];
  /** Instead of the true length. */
  totalLength?: number;
}

export function ipv4(ip: Ip): Uint8Array {
  const options = ip.options ?? [];
  const length = ip.totalLength ?? 20 + options.length + ip.payload.length;
  const fragment = (ip.fragmentOffset ?? 0) / 8 + (ip.moreFragments ? 0x2000 : 0);
  const header = [
    0x45 + options.length / 4,
    0,
    ...be16(length),
    ...be16(ip.id ?? 1),
    ...be16(fragment),
    64,
    ip.protocol,
    0,
    0,
    ...parseAddress(ip.src).subarray(12),
    ...parseAddress(ip.dst).subarray(12),
  ];
  return concat(header, options, ip.payload);
}

/** `extensions`: each its own number and its bytes, whose first byte will name the next one. */
export function ipv6(ip: Ip, extensions: [kind: number, bytes: number[]][] = []): Uint8Array {
  const kinds = [...extensions.map(([kind]) => kind), ip.protocol];
  const chain = extensions.flatMap(([, bytes], index) => [
    kinds[index + 1] as number,
    ...bytes.slice(1),
  ]);
  const length = ip.totalLength ?? chain.length + ip.payload.length;
  const header = [0x60, 0, 0, 0, ...be16(length), kinds[0] as number, 64];
  return concat(header, parseAddress(ip.src), parseAddress(ip.dst), chain, ip.payload);
}

export function fragmentExtension(id: number, offset: number, more: boolean): [number, number[]] {
  return [44, [0, 0, ...be16(offset | (more ? 1 : 0)), ...be32(id)]];
}

export function tcp(
  source: number,
  destination: number,
  flags: number,
  payloadBytes = 0,
  optionBytes = 0,
): Uint8Array {
  const header = [
    ...be16(source),
    ...be16(destination),
    ...be32(1),
    ...be32(1),
    (5 + optionBytes / 4) << 4,
    flags,
    ...be16(65535),
    ...be32(0),
  ];
  return concat(header, new Uint8Array(optionBytes + payloadBytes));
}

export function udp(source: number, destination: number, payloadBytes = 0): Uint8Array {
  const header = [...be16(source), ...be16(destination), ...be16(8 + payloadBytes), 0, 0];
  return concat(header, new Uint8Array(payloadBytes));
}

export function sctp(source: number, destination: number, payloadBytes = 0): Uint8Array {
  return concat(be16(source), be16(destination), new Uint8Array(8 + payloadBytes));
}

export function icmp(
  type: number,
  code: number,
  id: number,
  payload = new Uint8Array(),
): Uint8Array {
  return concat([type, code, 0, 0, ...be16(id), 0, 1], payload);
}

/** One IP packet in Ethernet, its version as the addresses say. */
export function frame(ip: Ip, tags: number[] = []): Uint8Array {
  return ip.src.includes(":") ? ethernet(0x86dd, ipv6(ip), tags) : ethernet(0x0800, ipv4(ip), tags);
}
