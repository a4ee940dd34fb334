import { peerKey } from "./atom.ts";
import type { ClusterPod } from "./cluster.ts";
import type { Peer, Policy, PortMatch, Rule, Side } from "./network-policy.ts";

function coversPort(wide: PortMatch, narrow: PortMatch): boolean {
  if (wide.protocol !== narrow.protocol) return false;
  if (wide.kind === "every") return true;
  if (wide.kind === "named" || narrow.kind === "named") {
    return wide.kind === "named" && narrow.kind === "named" && wide.name === narrow.name;
  }
  return narrow.kind === "range" && wide.first <= narrow.first && narrow.last <= wide.last;
}

function coversPeer(wide: Peer, narrow: Peer, namespace: string): boolean {
  if (peerKey(wide, namespace) === peerKey(narrow, namespace)) return true;
  // Every pod of the cluster is the one peer whose width shows without looking at pods.
  return (
    wide.kind === "pods" &&
    narrow.kind === "pods" &&
    wide.namespaces?.length === 0 &&
    wide.pods.length === 0
  );
}

function coversRule(wide: Rule, narrow: Rule, namespace: string): boolean {
  const { peers, ports } = wide;
  const peer =
    peers === "any" ||
    (narrow.peers !== "any" &&
      narrow.peers.every((one) => peers.some((other) => coversPeer(other, one, namespace))));
  const port =
    ports === "any" ||
    (narrow.ports !== "any" &&
      narrow.ports.every((one) => ports.some((other) => coversPort(other, one))));
  return peer && port;
}

function coversSide(wide: Policy, narrow: Policy, side: Side): boolean {
  const [rules, covered] = [wide[side], narrow[side]];
  if (covered === null) return true;
  if (rules === null) return false;
  return covered.every((one) => rules.some((other) => coversRule(other, one, narrow.namespace)));
}

interface Selecting {
  policy: Policy;
  selected: readonly ClusterPod[];
}

/**
 * Policies that another one makes dead: it isolates all their pods on the same sides and allows all
 * they allow. Of two that say the same the later one is named. What only several together cover is
 * not found.
 */
export function findCovered(all: readonly Selecting[]): { dead: Policy; by: Policy }[] {
  const found: { dead: Policy; by: Policy }[] = [];
  const covers = (wide: Selecting, narrow: Selecting): boolean =>
    wide.policy.namespace === narrow.policy.namespace &&
    narrow.selected.length > 0 &&
    narrow.selected.every((pod) => wide.selected.includes(pod)) &&
    coversSide(wide.policy, narrow.policy, "ingress") &&
    coversSide(wide.policy, narrow.policy, "egress");
  for (const [index, narrow] of all.entries()) {
    const by = all.find(
      (wide, at) => at !== index && covers(wide, narrow) && (at < index || !covers(narrow, wide)),
    );
    if (by !== undefined) found.push({ dead: narrow.policy, by: by.policy });
  }
  return found;
}
