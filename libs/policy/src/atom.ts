/**
 * Atoms: the smallest things policies in force can tell apart. An atom is one peer (a selector of
 * pods, or a block with its excepts), or all blocks of a rule that lists many, or one resolution of
 * a named port that an egress rule uses. An identity is the set of atoms that hold for an address,
 * and nothing else.
 */
import type { ClusterPod } from "./cluster.ts";
import { portsNamed } from "./cluster.ts";
import type { BlockPeer, Peer, PortMatch, Rule } from "./network-policy.ts";
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

/** Blocks of one rule: an address is one of theirs where any of them holds. */
export interface BlockList {
  kind: "blocks";
  blocks: BlockPeer[];
}

export type AtomPeer = Peer | BlockList;

/**
 * A rule with more blocks than this names them together: nothing tells them apart, so 500 blocks
 * are one identity and one entry, not 500. Fewer stay what they are, because the usual ones
 * (everything, the private ones) are shared by many rules.
 */
export const maxSeparateBlocks = 4;

/** What the rule's peers are atoms of, each once, by key. */
export function atomPeers(rule: Rule, policyNamespace: string): Map<string, AtomPeer> {
  const peers = rule.peers === "any" ? [] : rule.peers;
  const found = new Map<string, AtomPeer>(
    peers.map((peer) => [peerKey(peer, policyNamespace), peer]),
  );
  const blocks = [...found].filter(([, peer]) => peer.kind === "block");
  if (blocks.length <= maxSeparateBlocks) return found;
  for (const [key] of blocks) found.delete(key);
  const key = `blocks ${blocks
    .map(([one]) => one)
    .sort()
    .join(";")}`;
  return found.set(key, { kind: "blocks", blocks: blocks.map(([, peer]) => peer as BlockPeer) });
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
