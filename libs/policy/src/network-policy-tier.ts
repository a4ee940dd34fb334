import type { Prefix } from "./address.ts";
import { contains, hostPrefix, parsePrefix } from "./address.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { namespaceLabels, portsNamed } from "./cluster.ts";
import type { BlockPeer, Peer, Policy, PortMatch, Rule, Side } from "./network-policy.ts";
import type { Labels } from "./selector.ts";
import { selects } from "./selector.ts";
import type { Tier, TierDecision, Traffic } from "./tier.ts";
import type { End } from "./traffic.ts";

/** Texts of blocks are read once; the bound only matters to a process that sees many policies. */
const maxKnownPrefixes = 100_000;
const knownPrefixes = new Map<string, Prefix | undefined>();

function prefixOf(text: string): Prefix | undefined {
  if (knownPrefixes.has(text)) return knownPrefixes.get(text);
  if (knownPrefixes.size >= maxKnownPrefixes) knownPrefixes.clear();
  const prefix = parsePrefix(text);
  knownPrefixes.set(text, prefix);
  return prefix;
}

export function blockHolds(block: BlockPeer, address: bigint): boolean {
  const host = hostPrefix(address);
  const inside = (text: string): boolean => {
    const prefix = prefixOf(text);
    return prefix !== undefined && contains(prefix, host);
  };
  return inside(block.cidr) && !block.except.some((text) => inside(text));
}

/** Does the peer mean this end? Blocks are compared with pod addresses like with any other. */
export function peerMatches(
  peer: Peer,
  policyNamespace: string,
  end: End,
  labelsOf: (namespace: string) => Labels,
): boolean {
  if (peer.kind === "block") return end.address !== undefined && blockHolds(peer, end.address);
  const { pod } = end;
  if (pod === undefined) return false;
  const inNamespace =
    peer.namespaces === null
      ? pod.namespace === policyNamespace
      : selects(peer.namespaces, labelsOf(pod.namespace));
  return inNamespace && selects(peer.pods, pod.labels);
}

/** Does the port match mean this destination port? A name that the destination lacks means no port. */
export function portMatches(
  match: PortMatch,
  traffic: Pick<Traffic, "port" | "protocol" | "destination">,
): boolean {
  if (match.protocol !== traffic.protocol) return false;
  if (match.kind === "every") return true;
  if (match.kind === "range") return match.first <= traffic.port && traffic.port <= match.last;
  const { destination } = traffic;
  return (
    destination !== undefined &&
    portsNamed(destination, match.name, match.protocol).includes(traffic.port)
  );
}

/** NetworkPolicy v1: isolated by any policy, allowed by the union of all rules, else passed on. */
export class NetworkPolicyTier implements Tier {
  readonly name = "NetworkPolicy";
  readonly #policies: Map<string, Policy[]>;
  readonly #selecting = new Map<ClusterPod, Policy[]>();
  readonly #labels = new Map<string, Labels>();
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, policies: readonly Policy[]) {
    this.#cluster = cluster;
    this.#policies = Map.groupBy(policies, (policy) => policy.namespace);
  }

  #labelsOf = (namespace: string): Labels => {
    const known = this.#labels.get(namespace);
    if (known !== undefined) return known;
    const labels = namespaceLabels(this.#cluster, namespace);
    this.#labels.set(namespace, labels);
    return labels;
  };

  #policiesOf(pod: ClusterPod): Policy[] {
    const known = this.#selecting.get(pod);
    if (known !== undefined) return known;
    const all = this.#policies.get(pod.namespace) ?? [];
    const selecting = all.filter((policy) => selects(policy.selector, pod.labels));
    this.#selecting.set(pod, selecting);
    return selecting;
  }

  /** Policies that isolate the pod on this side. */
  isolating(side: Side, pod: ClusterPod): Policy[] {
    return this.#policiesOf(pod).filter((policy) => policy[side] !== null);
  }

  #allows(rule: Rule, namespace: string, traffic: Traffic): boolean {
    const peer =
      rule.peers === "any" ||
      rule.peers.some((one) => peerMatches(one, namespace, traffic.other, this.#labelsOf));
    return (
      peer && (rule.ports === "any" || rule.ports.some((match) => portMatches(match, traffic)))
    );
  }

  judge(traffic: Traffic): TierDecision {
    const { side, subject } = traffic;
    const isolating = this.isolating(side, subject);
    if (isolating.length === 0) return { action: "pass", rules: [], isolating: [] };
    const rules = isolating.flatMap(({ namespace, name, [side]: list }) =>
      (list ?? [])
        .map((rule, index) => ({ rule, index }))
        .filter(({ rule }) => this.#allows(rule, namespace, traffic))
        .map(({ index }) => ({ namespace, name, side, index })),
    );
    const references = isolating.map(({ namespace, name }) => ({ namespace, name }));
    return { action: rules.length > 0 ? "allow" : "deny", rules, isolating: references };
  }
}
