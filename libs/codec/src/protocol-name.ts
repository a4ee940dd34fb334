/** IANA names of the protocols that have one here; others show as their number. */
const names = new Map([
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

/** How rows and people write an IANA protocol number: `TCP`, or `253`. */
export function protocolName(protocol: number): string {
  return names.get(protocol) ?? String(protocol);
}
