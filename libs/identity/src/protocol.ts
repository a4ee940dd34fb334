const NAMES = new Map([
  [1, "ICMP"],
  [2, "IGMP"],
  [4, "IPIP"],
  [6, "TCP"],
  [17, "UDP"],
  [33, "DCCP"],
  [41, "IPv6"],
  [47, "GRE"],
  [50, "ESP"],
  [51, "AH"],
  [58, "ICMPv6"],
  [89, "OSPF"],
  [112, "VRRP"],
  [132, "SCTP"],
  [136, "UDPLite"],
]);

/** Name of an IANA protocol number, or the number as text; as the store's column has it. */
export function protocolName(protocol: number): string {
  return NAMES.get(protocol) ?? String(protocol);
}
