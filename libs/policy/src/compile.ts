/**
 * Policies to map entries. Entries grow with what policies can tell apart, not with pods: pods that
 * the same atoms hold for share an identity, endpoints that the same policies isolate share a rule
 * set. A rule whose peers resolve to nobody adds no entry, and a rule set without entries denies
 * everything: nothing here ever turns an empty set into "any".
 */
import { addressBytes, parseAddress } from "./address.ts";
import { addressLattice } from "./address-lattice.ts";
import type { PodAddress } from "./address-lattice.ts";
import type { Atoms, NamedPort } from "./atom.ts";
import { atomsOf, ingressPorts, namedPortKey, peerKey, resolvedPorts } from "./atom.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { podKey } from "./cluster.ts";
import { compareEntries } from "./compiled-delta.ts";
import type { CompiledPolicy, EndpointEntry, IdentityEntry, RuleEntry } from "./compiled.ts";
import {
  anyPortBits,
  anyProtocolBits,
  exactPortBits,
  firstIdentity,
  worldIdentity,
} from "./compiled.ts";
import type { Policy, PortMatch, Rule, Side } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import { numberKeys } from "./numbering.ts";
import { podAtoms, ShapeIndex, shapeKey } from "./pod-atoms.ts";
import { portPrefixes } from "./port-prefix.ts";
import { protocolNumber } from "./protocol.ts";
import { defaultDenyText, ruleText } from "./tier.ts";

/** Endpoints isolated by the same policies, with the same ports for the names these use. */
interface RuleSet {
  key: string;
  side: Side;
  policies: Policy[];
  /** Ingress only: `port http/TCP=8080`. */
  resolved: string[];
}

interface Identities {
  table: IdentityEntry[];
  /** Identities that an atom holds for, by the atom's key. */
  byAtom: Map<string, number[]>;
  /** Atoms of an identity. */
  atoms: Map<number, readonly string[]>;
}

function networkedPods(cluster: Cluster): ClusterPod[] {
  return cluster.pods.filter((pod) => !pod.hostNetwork);
}

function podAddresses(pods: readonly ClusterPod[], atoms: Atoms, index: ShapeIndex): PodAddress[] {
  const byShape = podAtoms(index, atoms.peers);
  return pods.flatMap((pod) => {
    const selected = (byShape.get(shapeKey(pod)) ?? []).map(
      (at) => (atoms.peers[at] as { key: string }).key,
    );
    const own = [...selected, ...resolvedPorts(pod, atoms.egressPorts)];
    return pod.addresses
      .map((text) => parseAddress(text))
      .filter((address) => address !== undefined)
      .map((address) => ({ address, atoms: own }));
  });
}

function identitiesOf(pods: readonly ClusterPod[], atoms: Atoms, index: ShapeIndex): Identities {
  const lattice = addressLattice(atoms.peers, podAddresses(pods, atoms, index));
  const keyOf = (keys: readonly string[]): string => keys.join("\n");
  const ids = numberKeys(
    lattice.filter((one) => one.atoms.length > 0).map((one) => keyOf(one.atoms)),
    firstIdentity,
  );
  const byAtom = new Map<string, number[]>();
  const atomsOfIdentity = new Map<number, readonly string[]>();
  const table = lattice.map(({ prefix, atoms: keys }): IdentityEntry => {
    const identity = keys.length === 0 ? worldIdentity : (ids.get(keyOf(keys)) as number);
    if (identity !== worldIdentity && !atomsOfIdentity.has(identity)) {
      atomsOfIdentity.set(identity, keys);
      for (const key of keys) {
        const list = byAtom.get(key);
        if (list === undefined) byAtom.set(key, [identity]);
        else list.push(identity);
      }
    }
    return { addr: addressBytes(prefix.bits), prefix_bits: prefix.length, identity };
  });
  return { table, byAtom, atoms: atomsOfIdentity };
}

interface PortEntry {
  prefix_bits: number;
  protocol: number;
  port: number;
}

function rangeEntries(match: PortMatch & { kind: "range" }): PortEntry[] {
  const protocol = protocolNumber(match.protocol);
  return portPrefixes(match.first, match.last).map(({ port, bits }) => ({
    prefix_bits: anyPortBits + bits,
    protocol,
    port,
  }));
}

/** Ports that `resolved` gives the name, as entries. */
function namedEntries(
  match: PortMatch & { kind: "named" },
  resolved: readonly string[],
): PortEntry[] {
  const prefix = `${namedPortKey(match.name, match.protocol)}=`;
  return resolved
    .filter((one) => one.startsWith(prefix))
    .map((one) => ({
      prefix_bits: exactPortBits,
      protocol: protocolNumber(match.protocol),
      port: Number(one.slice(prefix.length)),
    }));
}

function portEntries(rule: Rule, resolved: readonly string[]): PortEntry[] {
  if (rule.ports === "any") return [{ prefix_bits: anyProtocolBits, protocol: 0, port: 0 }];
  return rule.ports.flatMap((match) => {
    if (match.kind === "range") return rangeEntries(match);
    if (match.kind === "named") return namedEntries(match, resolved);
    return [{ prefix_bits: anyPortBits, protocol: protocolNumber(match.protocol), port: 0 }];
  });
}

/** Identities the rule's peers mean; worldIdentity as an entry's identity stands for any peer. */
function peerIdentities(rule: Rule, namespace: string, identities: Identities): number[] {
  if (rule.peers === "any") return [worldIdentity];
  const found = new Set(
    rule.peers.flatMap((peer) => identities.byAtom.get(peerKey(peer, namespace)) ?? []),
  );
  return [...found];
}

/** Named ports of egress rules differ from peer to peer; everything else does not. */
function* ruleEntries(
  set: RuleSet,
  rule: Rule,
  namespace: string,
  identities: Identities,
): Generator<[number, PortEntry]> {
  const peers = peerIdentities(rule, namespace, identities);
  if (set.side === "ingress") {
    const ports = portEntries(rule, set.resolved);
    for (const identity of peers) for (const port of ports) yield [identity, port];
    return;
  }
  const ports = portEntries(rule, []);
  for (const identity of peers) for (const port of ports) yield [identity, port];
  const named = (rule.ports === "any" ? [] : rule.ports).filter((match) => match.kind === "named");
  if (named.length === 0) return;
  const destinations = rule.peers === "any" ? identities.atoms.keys() : peers;
  for (const identity of destinations) {
    const resolved = identities.atoms.get(identity) ?? [];
    for (const match of named)
      for (const port of namedEntries(match, resolved)) yield [identity, port];
  }
}

function entriesOf(
  set: RuleSet,
  id: number,
  identities: Identities,
  ruleIds: Map<string, number>,
): RuleEntry[] {
  const found = new Map<string, RuleEntry>();
  for (const policy of set.policies) {
    for (const [index, rule] of (policy[set.side] ?? []).entries()) {
      const { namespace, name } = policy;
      const ruleId = ruleIds.get(ruleText({ namespace, name, side: set.side, index })) as number;
      for (const [identity, port] of ruleEntries(set, rule, namespace, identities)) {
        const key = `${identity}/${port.prefix_bits}/${port.protocol}/${port.port}`;
        // The first rule in order names the reason; another one that allows the same adds nothing.
        if (!found.has(key)) found.set(key, { rule_set: id, identity, ...port, rule: ruleId });
      }
    }
  }
  return [...found.values()];
}

interface Isolation {
  pod: ClusterPod;
  ingress: RuleSet | undefined;
  egress: RuleSet | undefined;
}

/** Sorted, so that texts and first-rule-wins do not depend on the order policies came in. */
function sortedPolicies(policies: readonly Policy[]): Policy[] {
  return [...policies].sort((a, b) => (policyKey(a) < policyKey(b) ? -1 : 1));
}

class RuleSets {
  readonly all = new Map<string, RuleSet>();
  readonly #namedPorts = new Map<string, NamedPort[]>();

  /** Undefined: no policy isolates the pod on this side. */
  of(pod: ClusterPod, side: Side, selecting: readonly Policy[]): RuleSet | undefined {
    const policies = selecting.filter((policy) => policy[side] !== null);
    if (policies.length === 0) return undefined;
    const names = `${side} ${policies.map((policy) => policyKey(policy)).join(",")}`;
    const ports = side === "egress" ? [] : (this.#namedPorts.get(names) ?? ingressPorts(policies));
    this.#namedPorts.set(names, ports);
    const resolved = resolvedPorts(pod, ports);
    const key = [names, ...resolved].join("\n");
    const known = this.all.get(key);
    if (known !== undefined) return known;
    const fresh = { key, side, policies, resolved };
    this.all.set(key, fresh);
    return fresh;
  }
}

function isolate(
  pods: readonly ClusterPod[],
  policies: readonly Policy[],
  index: ShapeIndex,
  sets: RuleSets,
): Isolation[] {
  const selecting = new Map<string, Policy[]>();
  for (const policy of policies) {
    for (const shape of index.inNamespace(policy.namespace, policy.selector)) {
      const key = shapeKey(shape);
      const list = selecting.get(key);
      if (list === undefined) selecting.set(key, [policy]);
      else list.push(policy);
    }
  }
  return pods.map((pod) => {
    const mine = selecting.get(shapeKey(pod)) ?? [];
    return { pod, ingress: sets.of(pod, "ingress", mine), egress: sets.of(pod, "egress", mine) };
  });
}

/**
 * Compiles all policies in force against the cluster as it is. The same input in any order gives the
 * same output, and ids keep their meaning from one compilation to the next.
 */
export function compile(cluster: Cluster, policies: readonly Policy[]): CompiledPolicy {
  const pods = networkedPods(cluster);
  const sorted = sortedPolicies(policies);
  const index = new ShapeIndex(cluster, pods);
  const identities = identitiesOf(pods, atomsOf(sorted), index);
  const sets = new RuleSets();
  const isolations = isolate(pods, sorted, index, sets);
  const ruleTexts = sorted.flatMap(({ namespace, name, ...policy }) =>
    (["ingress", "egress"] as const).flatMap((side) =>
      (policy[side] ?? []).map((_, at) => ruleText({ namespace, name, side, index: at })),
    ),
  );
  const setKeys = [...sets.all.keys()];
  const ids = numberKeys([...ruleTexts, ...setKeys], 1);
  const endpoints = new Map<string, EndpointEntry>();
  for (const { pod, ingress, egress } of isolations) {
    endpoints.set(podKey(pod), {
      namespace: pod.namespace,
      pod: pod.name,
      ingress_rule_set: ingress === undefined ? 0 : (ids.get(ingress.key) as number),
      egress_rule_set: egress === undefined ? 0 : (ids.get(egress.key) as number),
    });
  }
  const all = [...sets.all.values()];
  return {
    identities: identities.table,
    endpoints: [...endpoints.values()].sort((a, b) =>
      podKey({ ...a, name: a.pod }) < podKey({ ...b, name: b.pod }) ? -1 : 1,
    ),
    entries: all
      .flatMap((set) => entriesOf(set, ids.get(set.key) as number, identities, ids))
      .sort(compareEntries),
    rules: [
      ...ruleTexts.map((text) => ({ rule: ids.get(text) as number, text })),
      ...all.map((set) => ({
        rule: ids.get(set.key) as number,
        text: defaultDenyText(set.side, set.policies),
      })),
    ].sort((a, b) => a.rule - b.rule),
  };
}
