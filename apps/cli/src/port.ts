import { type Protocol, hasPorts } from "@weir/policy";
import { usageError } from "./exit.ts";

export interface Port {
  port: number;
  protocol: Protocol;
}

const known: Record<string, Protocol> = {
  tcp: "TCP",
  udp: "UDP",
  sctp: "SCTP",
  icmp: "ICMP",
  icmpv6: "ICMPv6",
};

/** `80/TCP`, `80` (TCP), `ICMP`. Throws a usage error with an example. */
export function parsePort(text: string): Port {
  const [first = "", second] = text.split("/");
  const alone = second === undefined ? known[first.toLowerCase()] : undefined;
  if (alone !== undefined && !hasPorts(alone)) return { port: 0, protocol: alone };
  const protocol = known[(second ?? "TCP").toLowerCase()];
  const port = Number(first);
  const least = protocol !== undefined && hasPorts(protocol) ? 1 : 0;
  if (protocol === undefined || !/^\d{1,5}$/.test(first) || port < least || port > 65_535) {
    throw usageError(`${text} is no port; give one like 80/TCP or 53/UDP`);
  }
  return { port, protocol };
}
