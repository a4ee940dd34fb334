/** Protocols a verdict can be asked for. NetworkPolicy v1 names only the first three. */
export type Protocol = "TCP" | "UDP" | "SCTP" | "ICMP" | "ICMPv6";

/** Protocols a policy may name. */
export type PortProtocol = "TCP" | "UDP" | "SCTP";

export const portProtocols: readonly PortProtocol[] = ["TCP", "UDP", "SCTP"];

const numbers: Record<Protocol, number> = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPv6: 58 };
const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name as Protocol]));

/** IANA number. */
export function protocolNumber(protocol: Protocol): number {
  return numbers[protocol];
}

export function isProtocol(text: string): text is Protocol {
  return Object.hasOwn(numbers, text);
}

/** Undefined for numbers that no policy and no question can name. */
export function protocolName(number: number): Protocol | undefined {
  return names.get(number);
}

/** Ports mean nothing to ICMP: only a rule that names no port at all can allow it. */
export function hasPorts(protocol: Protocol): protocol is PortProtocol {
  return protocol !== "ICMP" && protocol !== "ICMPv6";
}
