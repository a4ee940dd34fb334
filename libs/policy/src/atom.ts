/**
 * Atoms: the smallest things policies in force can tell apart. An atom is one peer (a selector of
 * pods, or a block with its excepts) or one resolution of a named port that an egress rule uses.
 * An identity is the set of atoms that hold for an address, and nothing else.
 */
import type { ClusterPod } from "./cluster.ts";
import { portsNamed } from "./cluster.ts";
import type { Peer, PortMatch, Rule } from "./network-policy.ts";
import { selectorKey } from "./selector.ts";

/** Equal keys mean the same peers. */
export function peerKey(peer: Peer, policyNamespace: string): string {
  if (peer.kind === "block") {
    return `block ${peer.cidr} ${[...new Set(peer.except)].sort().join(",")}`;
  }
  const namespaces =
    peer.namespaces === null ? `=${policyNamespace}` : selectorKey(peer.namespaces);
  return `pods ${namespaces} ${selectorKey(peer.pods)}`;
}

export interface NamedPort {
  name: string;
  protocol: PortMatch["protocol"];
}

export function namedPortKey({ name, protocol }: NamedPort): string {
  return `port ${name}/${protocol}`;
}

/** Names of ports that the rule uses, each once. */
export function namedPortsOf(rule: Rule): NamedPort[] {
  const found = new Map<string, NamedPort>();
  for (const match of rule.ports === "any" ? [] : rule.ports) {
    if (match.kind === "named") found.set(namedPortKey(match), match);
  }
  return [...found.values()];
}

/** How the pod resolves these names: `port http/TCP=8080`, one per port; part of an identity or rule set. */
export function resolvedPorts(pod: ClusterPod, ports: readonly NamedPort[]): string[] {
  return ports.flatMap((port) =>
    portsNamed(pod, port.name, port.protocol).map((number) => `${namedPortKey(port)}=${number}`),
  );
}

/** Numbers that `resolved` gives the name. */
export function numbersNamed(port: NamedPort, resolved: readonly string[]): number[] {
  const prefix = `${namedPortKey(port)}=`;
  return resolved
    .filter((one) => one.startsWith(prefix))
    .map((one) => Number(one.slice(prefix.length)));
}
