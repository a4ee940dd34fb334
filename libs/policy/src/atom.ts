/**
 * Atoms: the smallest things policies in force can tell apart. An atom is one peer (a selector of
 * pods, or a block with its excepts) or one resolution of a named port that an egress rule uses.
 * An identity is the set of atoms that hold for an address, and nothing else.
 */
import type { ClusterPod } from "./cluster.ts";
import { portsNamed } from "./cluster.ts";
import type { Peer, Policy, PortMatch } from "./network-policy.ts";
import { selectorKey } from "./selector.ts";

/** Equal keys mean the same peers. */
export function peerKey(peer: Peer, policyNamespace: string): string {
  if (peer.kind === "block") return `block ${peer.cidr} ${[...peer.except].sort().join(",")}`;
  const namespaces =
    peer.namespaces === null ? `=${policyNamespace}` : selectorKey(peer.namespaces);
  return `pods ${namespaces} ${selectorKey(peer.pods)}`;
}

export function namedPortKey(name: string, protocol: string): string {
  return `port ${name}/${protocol}`;
}

export interface PeerAtom {
  key: string;
  peer: Peer;
  /** Namespace of the policy, which a peer without namespaceSelector means. */
  namespace: string;
}

export interface NamedPort {
  name: string;
  protocol: PortMatch["protocol"];
}

export interface Atoms {
  peers: PeerAtom[];
  /** Named ports of egress rules: they are resolved on the peer. */
  egressPorts: NamedPort[];
}

function namedPorts(policies: readonly Policy[], side: "ingress" | "egress"): NamedPort[] {
  const found = new Map<string, NamedPort>();
  for (const policy of policies) {
    for (const rule of policy[side] ?? []) {
      for (const match of rule.ports === "any" ? [] : rule.ports) {
        if (match.kind !== "named") continue;
        found.set(namedPortKey(match.name, match.protocol), {
          name: match.name,
          protocol: match.protocol,
        });
      }
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
}

export function atomsOf(policies: readonly Policy[]): Atoms {
  const peers = new Map<string, PeerAtom>();
  for (const policy of policies) {
    for (const rule of [...(policy.ingress ?? []), ...(policy.egress ?? [])]) {
      for (const peer of rule.peers === "any" ? [] : rule.peers) {
        const key = peerKey(peer, policy.namespace);
        if (!peers.has(key)) peers.set(key, { key, peer, namespace: policy.namespace });
      }
    }
  }
  const sorted = [...peers.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { peers: sorted, egressPorts: namedPorts(policies, "egress") };
}

/** How the pod resolves these names: `port http/TCP=8080`, one per port; part of an identity or rule set. */
export function resolvedPorts(pod: ClusterPod, ports: readonly NamedPort[]): string[] {
  return ports.flatMap(({ name, protocol }) =>
    portsNamed(pod, name, protocol).map((port) => `${namedPortKey(name, protocol)}=${port}`),
  );
}

/** Named ports of the ingress rules of these policies: resolved on the endpoint itself. */
export function ingressPorts(policies: readonly Policy[]): NamedPort[] {
  return namedPorts(policies, "ingress");
}
