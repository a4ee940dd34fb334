/**
 * The compiler in its plainest form: everything from nothing, nothing shared with PolicyCompiler but
 * the meaning of a key and its hash. What the fast one gives is held to what this one gives.
 */
import { addressBytes, parseAddress } from "../address.ts";
import { atomPeers, namedPortKey, namedPortsOf, numbersNamed, resolvedPorts } from "../atom.ts";
import type { AtomPeer, NamedPort } from "../atom.ts";
import type { Cluster, ClusterPod } from "../cluster.ts";
import { podKey } from "../cluster.ts";
import { compareEntries } from "../compiled-delta.ts";
import type { CompiledPolicy, EndpointEntry, IdentityEntry, RuleEntry } from "../compiled.ts";
import {
  anyPortBits,
  anyProtocolBits,
  exactPortBits,
  firstIdentity,
  worldIdentity,
} from "../compiled.ts";
import { identityMeaning } from "../compiler/identities.ts";
import { groupKey, ruleSetHash, ruleSetMeaning } from "../compiler/isolation.ts";
import { hashOfSum, hashText, lastId } from "../compiler/numbering.ts";
import { ruleMeaning } from "../compiler/rule-part.ts";
import { shapeKey } from "../compiler/shapes.ts";
import type { Policy, PortMatch, Rule, Side } from "../network-policy.ts";
import { policyKey } from "../network-policy.ts";
import { mergedRanges, portPrefixes } from "../port-prefix.ts";
import { portProtocols, protocolNumber } from "../protocol.ts";
import { defaultDenyText, ruleText } from "../tier.ts";
import { addressLattice } from "./plain-lattice.ts";
import type { PodAddress } from "./plain-lattice.ts";
import { podAtoms, PlainShapes } from "./plain-shapes.ts";

/** One peer of some rule. */
export interface PeerAtom {
  key: string;
  peer: AtomPeer;
  namespace: string;
}

interface Atoms {
  peers: PeerAtom[];
  /** Named ports of egress rules: they are resolved on the peer. */
  egressPorts: NamedPort[];
}

function namedPorts(policies: readonly Policy[], side: Side): NamedPort[] {
  const found = new Map<string, NamedPort>();
  for (const policy of policies) {
    for (const rule of policy[side] ?? []) {
      for (const port of namedPortsOf(rule)) found.set(namedPortKey(port), port);
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
}

function atomsOf(policies: readonly Policy[]): Atoms {
  const peers = new Map<string, PeerAtom>();
  for (const policy of policies) {
    for (const rule of [...(policy.ingress ?? []), ...(policy.egress ?? [])]) {
      for (const [key, peer] of atomPeers(rule, policy.namespace)) {
        if (!peers.has(key)) peers.set(key, { key, peer, namespace: policy.namespace });
      }
    }
  }
  const sorted = [...peers.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { peers: sorted, egressPorts: namedPorts(policies, "egress") };
}

/** Where two collide the later in sort order moves on to the next free id. */
function numberKeys(hashes: Map<string, number>, first: number, last: number): Map<string, number> {
  const taken = new Set<number>();
  const ids = new Map<string, number>();
  for (const [key, hash] of [...hashes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    let id = first + (hash % (last - first + 1));
    while (taken.has(id)) id = id === last ? first : id + 1;
    taken.add(id);
    ids.set(key, id);
  }
  return ids;
}

/** Endpoints isolated by the same policies, with the same ports for the names these use. */
interface RuleSet {
  key: string;
  hash: number;
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

function podAddresses(pods: readonly ClusterPod[], atoms: Atoms, index: PlainShapes): PodAddress[] {
  const byShape = podAtoms(index, atoms.peers);
  return pods.flatMap((pod) => {
    const selected = (byShape.get(shapeKey(pod.namespace, pod.labels)) ?? []).map(
      (at) => (atoms.peers[at] as { key: string }).key,
    );
    const own = [...selected, ...resolvedPorts(pod, atoms.egressPorts)];
    return pod.addresses
      .map((text) => parseAddress(text))
      .filter((address) => address !== undefined)
      .map((address) => ({ address, atoms: own }));
  });
}

function identitiesOf(
  pods: readonly ClusterPod[],
  atoms: Atoms,
  index: PlainShapes,
  last: number,
): Identities {
  const lattice = addressLattice(atoms.peers, podAddresses(pods, atoms, index));
  const hashes = lattice
    .filter((one) => one.atoms.length > 0)
    .map(({ atoms: keys }): [string, number] => [
      identityMeaning(keys),
      hashOfSum(keys.reduce((sum, key) => (sum + hashText(key)) >>> 0, 0)),
    ]);
  const ids = numberKeys(new Map(hashes), firstIdentity, last);
  const byAtom = new Map<string, number[]>();
  const atomsOfIdentity = new Map<number, readonly string[]>();
  const table = lattice.map(({ prefix, atoms: keys }): IdentityEntry => {
    const identity = keys.length === 0 ? worldIdentity : (ids.get(identityMeaning(keys)) as number);
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
  return numbersNamed(match, resolved).map((port) => ({
    prefix_bits: exactPortBits,
    protocol: protocolNumber(match.protocol),
    port,
  }));
}

function portEntries(rule: Rule, resolved: readonly string[]): PortEntry[] {
  if (rule.ports === "any") return [{ prefix_bits: anyProtocolBits, protocol: 0, port: 0 }];
  const all = rule.ports;
  const named = all.filter((match) => match.kind === "named");
  const fixed = portProtocols.flatMap((protocol) => {
    const mine = all.filter((match) => match.protocol === protocol);
    if (mine.some((match) => match.kind === "every"))
      return [{ prefix_bits: anyPortBits, protocol: protocolNumber(protocol), port: 0 }];
    const ranges = mergedRanges(mine.filter((match) => match.kind === "range"));
    return ranges.flatMap((range) => rangeEntries({ kind: "range", protocol, ...range }));
  });
  return [...fixed, ...named.flatMap((match) => namedEntries(match, resolved))];
}

/** Identities the rule's peers mean; worldIdentity as an entry's identity stands for any peer. */
function peerIdentities(rule: Rule, namespace: string, identities: Identities): number[] {
  if (rule.peers === "any") return [worldIdentity];
  const found = new Set(
    [...atomPeers(rule, namespace).keys()].flatMap((key) => identities.byAtom.get(key) ?? []),
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
      const ruleId = ruleIds.get(
        ruleMeaning(ruleText({ namespace, name, side: set.side, index })),
      ) as number;
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

  /** Undefined: no policy isolates the pod on this side. */
  of(pod: ClusterPod, side: Side, selecting: readonly Policy[]): RuleSet | undefined {
    const policies = selecting.filter((policy) => policy[side] !== null);
    if (policies.length === 0) return undefined;
    const groups = [
      ...new Set(policies.map((one) => groupKey(one.namespace, one.selector))),
    ].sort();
    const resolved = resolvedPorts(pod, side === "egress" ? [] : namedPorts(policies, side));
    const key = ruleSetMeaning(side, groups, resolved);
    const known = this.all.get(key);
    if (known !== undefined) return known;
    const hash = ruleSetHash(
      side,
      groups.map((group) => hashText(group)),
      resolved,
    );
    const fresh = { key, hash, side, policies, resolved };
    this.all.set(key, fresh);
    return fresh;
  }
}

function isolate(
  pods: readonly ClusterPod[],
  policies: readonly Policy[],
  index: PlainShapes,
  sets: RuleSets,
): Isolation[] {
  const selecting = new Map<string, Policy[]>();
  for (const policy of policies) {
    for (const shape of index.inNamespace(policy.namespace, policy.selector)) {
      const key = shapeKey(shape.namespace, shape.labels);
      const list = selecting.get(key);
      if (list === undefined) selecting.set(key, [policy]);
      else list.push(policy);
    }
  }
  return pods.map((pod) => {
    const mine = selecting.get(shapeKey(pod.namespace, pod.labels)) ?? [];
    return { pod, ingress: sets.of(pod, "ingress", mine), egress: sets.of(pod, "egress", mine) };
  });
}

export function plainCompile(
  cluster: Cluster,
  policies: readonly Policy[],
  last = lastId,
): CompiledPolicy {
  const pods = networkedPods(cluster);
  const sorted = sortedPolicies(policies);
  const index = new PlainShapes(cluster, pods);
  const identities = identitiesOf(pods, atomsOf(sorted), index, last);
  const sets = new RuleSets();
  const isolations = isolate(pods, sorted, index, sets);
  const ruleTexts = sorted.flatMap(({ namespace, name, ...policy }) =>
    (["ingress", "egress"] as const).flatMap((side) =>
      (policy[side] ?? []).map((_, at) => ruleText({ namespace, name, side, index: at })),
    ),
  );
  const hashes = new Map([...sets.all.values()].map(({ key, hash }) => [key, hash]));
  for (const text of ruleTexts) {
    hashes.set(ruleMeaning(text), hashOfSum(hashText(ruleMeaning(text))));
  }
  const ids = numberKeys(hashes, 1, last);
  const endpoints = new Map<string, EndpointEntry>();
  for (const { pod, ingress, egress } of isolations) {
    endpoints.set(podKey(pod), {
      namespace: pod.namespace,
      pod: pod.name,
      uid: pod.uid ?? "",
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
      ...ruleTexts.map((text) => ({ rule: ids.get(ruleMeaning(text)) as number, text })),
      ...all.map((set) => ({
        rule: ids.get(set.key) as number,
        text: defaultDenyText(
          set.side,
          set.policies.map((policy) => policyKey(policy)),
        ),
      })),
    ].sort((a, b) => a.rule - b.rule),
  };
}
