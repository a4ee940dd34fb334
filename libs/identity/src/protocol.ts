const NAMES: Record<number, string> = {
  1: "ICMP",
  6: "TCP",
  17: "UDP",
  58: "ICMPv6",
  132: "SCTP",
};

/** Name of an IANA protocol number, or the number as text. */
export function protocolName(protocol: number): string {
  return NAMES[protocol] ?? String(protocol);
}
