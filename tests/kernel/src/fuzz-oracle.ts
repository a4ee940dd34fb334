import { formatAddress } from "@weir/codec";

/**
 * What a packet is, said a second time and independently of bpf/: by reading the RFCs' headers one
 * after the other. The fuzz test holds the programs to it.
 */
export type Understood =
  | { kind: "other" }
  | { kind: "malformed"; bytes: number }
  | ({ kind: "flow" } & FlowPacket);

export type FlowClass = "ports" | "echo" | "icmp" | "signal" | "lost";

export interface FlowPacket {
  source: string;
  destination: string;
  protocol: number;
  sourcePort: number;
  destinationPort: number;
  class: FlowClass;
  tcpFlags: number;
  bytes: number;
  /** Undefined where the packet is whole. */
  fragment: { id: string; isFirst: boolean } | undefined;
}

const tcp = 6;
const extensions = new Set([0, 43, 44, 51, 60]);
const withPorts = new Set([1, tcp, 17, 58, 132]);
const maxExtensions = 8;
const maxTags = 2;

class Malformed extends Error {}

function demand(holds: boolean): asserts holds {
  if (!holds) throw new Malformed();
}

/** `layer3`: there is no Ethernet; the kernel says what the packet is by the bytes where its type would be. */
export function understand(packet: Uint8Array, layer3: boolean): Understood {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let type = view.getUint16(12);
  let start = layer3 ? 0 : 14;
  const tagsMax = layer3 ? 0 : maxTags;
  for (let tags = 0; tags < tagsMax && (type === 0x8100 || type === 0x88a8); tags++) {
    if (start + 4 > packet.length) return { kind: "other" };
    type = view.getUint16(start + 2);
    start += 4;
  }
  if (type !== 0x0800 && type !== 0x86dd) return { kind: "other" };
  const ip = packet.subarray(start);
  try {
    return { kind: "flow", ...(type === 0x0800 ? readIpv4(ip) : readIpv6(ip)) };
  } catch (error) {
    if (error instanceof Malformed) return { kind: "malformed", bytes: ip.length };
    throw error;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readIpv4(ip: Uint8Array): FlowPacket {
  demand(ip.length >= 20);
  const view = viewOf(ip);
  const headerBytes = (view.getUint8(0) & 15) * 4;
  const bytes = view.getUint16(2);
  demand(view.getUint8(0) >> 4 === 4 && headerBytes >= 20);
  demand(bytes <= ip.length && bytes >= headerBytes);
  const protocol = view.getUint8(9);
  const offset = view.getUint16(6) & 0x1fff;
  const isFragment = (view.getUint16(6) & 0x3fff) !== 0;
  // RFC 3128: such a one exists only to rewrite flags that were judged.
  demand(!(protocol === tcp && offset === 1));
  const text = (at: number): string => [...ip.subarray(at, at + 4)].join(".");
  const fragment = isFragment
    ? { id: `4 ${protocol} ${view.getUint16(4)}`, isFirst: offset === 0 }
    : undefined;
  const end = { source: text(12), destination: text(16), protocol, bytes, fragment };
  if (offset > 0) return { ...end, ...nothingKnown(withPorts.has(protocol)) };
  return { ...end, ...readTransport(protocol, ip.subarray(headerBytes, bytes), false) };
}

function readIpv6(ip: Uint8Array): FlowPacket {
  demand(ip.length >= 40);
  const view = viewOf(ip);
  const bytes = 40 + view.getUint16(4);
  demand(view.getUint8(0) >> 4 === 6 && bytes <= ip.length);
  const [source, destination] = [formatAddress(ip, 8), formatAddress(ip, 24)];
  let protocol = view.getUint8(6);
  let at = 40;
  let fragment: FlowPacket["fragment"];
  for (let count = 0; extensions.has(protocol); count++) {
    demand(count < maxExtensions && at + 8 <= bytes);
    const kind = protocol;
    const units = view.getUint8(at + 1);
    const field = view.getUint16(at + 2);
    protocol = view.getUint8(at);
    const id = view.getUint32(at + 4);
    at += kind === 44 ? 8 : kind === 51 ? (units + 2) * 4 : (units + 1) * 8;
    demand(at <= bytes);
    if (kind !== 44) continue;
    // RFC 6946: without an offset and without more to come it is a whole packet.
    fragment = (field & 0xfff9) === 0 ? undefined : { id: `6 ${id}`, isFirst: field >> 3 === 0 };
    if (field >> 3 !== 0)
      return { source, destination, protocol, bytes, fragment, ...nothingKnown(true) };
  }
  const transport = readTransport(protocol, ip.subarray(at, bytes), true);
  return { source, destination, protocol, bytes, fragment, ...transport };
}

type Transport = Pick<FlowPacket, "sourcePort" | "destinationPort" | "class" | "tcpFlags">;

function nothingKnown(isLost: boolean): Transport {
  const none = { sourcePort: 0, destinationPort: 0, tcpFlags: 0 };
  return { ...none, class: isLost ? "lost" : "ports" };
}

function readTransport(protocol: number, segment: Uint8Array, isV6: boolean): Transport {
  const view = viewOf(segment);
  const none = nothingKnown(false);
  const ports = () => ({
    ...none,
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
  });
  if (protocol === tcp) {
    demand(segment.length >= 20);
    const headerBytes = (view.getUint8(12) >> 4) * 4;
    demand(headerBytes >= 20 && headerBytes <= segment.length);
    return { ...ports(), tcpFlags: view.getUint8(13) };
  }
  if (protocol === 17 || protocol === 132) {
    demand(segment.length >= (protocol === 17 ? 8 : 12));
    return ports();
  }
  if (protocol !== (isV6 ? 58 : 1)) return none;
  demand(segment.length >= 8);
  return readIcmp(view.getUint8(0), view.getUint16(4), isV6);
}

function readIcmp(type: number, id: number, isV6: boolean): Transport {
  const none = nothingKnown(false);
  const [request, reply] = isV6 ? [128, 129] : [8, 0];
  if (type === request) return { ...none, class: "echo", sourcePort: id };
  if (type === reply) return { ...none, class: "echo", destinationPort: id };
  const isSignal = isV6
    ? type < 128 || (type >= 130 && type <= 137) || type === 143
    : type === 3 || type === 11 || type === 12;
  return { ...none, class: isSignal ? "signal" : "icmp" };
}
