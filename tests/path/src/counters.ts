import { ok } from "./process.ts";

/**
 * What the kernel's own stack in a pod says it sent and received: /proc/net/snmp, netstat and
 * snmp6 of the pod's network namespace. An account that weir has no part in.
 */
export type Counters = Record<string, number>;

/** Pairs of header and value lines: `Tcp: InSegs OutSegs` over `Tcp: 10 12`. */
function paired(text: string): Counters {
  const counters: Counters = {};
  const lines = text.split("\n").filter((line) => line.includes(": "));
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [group = "", ...names] = (lines[i] ?? "").split(/\s+/);
    const values = (lines[i + 1] ?? "").split(/\s+/).slice(1);
    for (const [j, name] of names.entries())
      counters[group.slice(0, -1) + name] = Number(values[j]);
  }
  return counters;
}

function listed(text: string): Counters {
  return Object.fromEntries(
    text
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((parts) => parts.length === 2)
      .map(([name, value]) => [name, Number(value)]),
  );
}

/** Counters of a pod's network namespace, e.g. TcpOutSegs, UdpInDatagrams, IpExtOutOctets, Ip6OutOctets. */
export async function countersOf(inPod: (...command: string[]) => string[]): Promise<Counters> {
  const file = (name: string) => ok(inPod("cat", `/proc/self/net/${name}`));
  const [snmp, netstat, snmp6] = await Promise.all([file("snmp"), file("netstat"), file("snmp6")]);
  return { ...paired(snmp), ...paired(netstat), ...listed(snmp6) };
}

/** What was added between two readings, of the counters that changed. */
export function added(before: Counters, after: Counters): Counters {
  return Object.fromEntries(
    Object.entries(after)
      .map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
      .filter(([, value]) => value !== 0),
  );
}
