/** What an API server accepts but surely was not meant, judged against the pods there are now. */
import { formatPrefix, parseAddress, parsePrefix } from "./address.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { namespaceLabels, portsNamed } from "./cluster.ts";
import { findCovered } from "./covered-policy.ts";
import { placeIn } from "./locations.ts";
import type { Peer, Policy, PortMatch, Rule, Side, WrittenPolicy } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import { peerMatches } from "./network-policy-tier.ts";
import type { Diagnostic, Path } from "./problem.ts";
import { describeSelector, selects } from "./selector.ts";

const sides = ["ingress", "egress"] as const;
const peerField = { ingress: "from", egress: "to" } as const;

/** One policy with what it needs to be judged. */
interface Subject {
  policy: Policy;
  /** Pods that it isolates. */
  selected: ClusterPod[];
  warn: (path: Path, text: string) => void;
}

function checkSelector({ policy, selected, warn }: Subject, cluster: Cluster): void {
  const { podSelector } = policy.written.spec ?? {};
  if (podSelector === undefined || podSelector === null) {
    warn(
      ["spec"],
      `no podSelector: it isolates every pod of ${policy.namespace}; write podSelector: {} if that is meant`,
    );
  }
  if (selected.length > 0 || cluster.pods.length === 0) return;
  const text = describeSelector(policy.selector);
  const host = cluster.pods.some(
    (pod) =>
      pod.hostNetwork && pod.namespace === policy.namespace && selects(policy.selector, pod.labels),
  );
  const why = host
    ? "only pods on the host's network, which no policy reaches"
    : `no pod now (${text} in namespace ${policy.namespace})`;
  warn(["spec", "podSelector"], `selects ${why}`);
}

function checkTypes({ policy, warn }: Subject): void {
  for (const side of sides) {
    const written = policy.written.spec?.[side];
    if (policy[side] !== null || written === undefined || written === null || written.length === 0)
      continue;
    const type = side === "ingress" ? "Ingress" : "Egress";
    warn(["spec", side], `is ignored: policyTypes does not name ${type}`);
  }
}

function namespacesOf(cluster: Cluster): string[] {
  return [
    ...new Set([...Object.keys(cluster.namespaces), ...cluster.pods.map((pod) => pod.namespace)]),
  ];
}

function podsOfPeer(peer: Peer, policy: Policy, cluster: Cluster): ClusterPod[] {
  const labelsOf = (name: string) => namespaceLabels(cluster, name);
  return cluster.pods.filter((pod) => {
    if (pod.hostNetwork) return false;
    const [first] = pod.addresses;
    const address = first === undefined ? undefined : parseAddress(first);
    return peerMatches(peer, policy.namespace, { pod, address, node: undefined }, labelsOf);
  });
}

function checkPeer({ policy, warn }: Subject, peer: Peer, path: Path, cluster: Cluster): void {
  if (peer.kind === "block") {
    for (const [field, text] of [
      ["cidr", peer.cidr],
      ...peer.except.map((one) => ["except", one]),
    ] as [string, string][]) {
      const prefix = parsePrefix(text);
      if (
        prefix === undefined ||
        formatPrefix(prefix).split("/")[0] ===
          formatPrefix({
            ...prefix,
            bits: parseAddress(text.split("/")[0] as string) ?? prefix.bits,
          }).split("/")[0]
      )
        continue;
      warn(
        [...path, "ipBlock", field],
        `${text} has bits beyond its length: it means ${formatPrefix(prefix)}`,
      );
    }
    return;
  }
  const { namespaces, pods } = peer;
  if (cluster.pods.length === 0) return;
  if (
    namespaces !== null &&
    !namespacesOf(cluster).some((name) => selects(namespaces, namespaceLabels(cluster, name)))
  ) {
    warn(
      [...path, "namespaceSelector"],
      `${describeSelector(namespaces)} matches no namespace there is now`,
    );
  } else if (podsOfPeer(peer, policy, cluster).length === 0) {
    const where = namespaces === null ? `namespace ${policy.namespace}` : "those namespaces";
    warn([...path, "podSelector"], `${describeSelector(pods)} matches no pod of ${where} now`);
  }
}

/** `- namespaceSelector` and `- podSelector` as two items where one peer with both was meant. */
function checkSplitPeer({ policy, warn }: Subject, side: Side, index: number): void {
  const written: WrittenPolicy["spec"] = policy.written.spec;
  const rule = (written[side] as { from?: unknown; to?: unknown }[])[index];
  const peers = (rule?.[peerField[side]] ?? []) as Record<string, unknown>[];
  const only = (one: Record<string, unknown> | undefined, field: string): boolean =>
    one !== undefined && Object.keys(one).length === 1 && one[field] !== undefined;
  if (peers.length !== 2 || !only(peers[0], "namespaceSelector") || !only(peers[1], "podSelector"))
    return;
  const path = ["spec", side, index, peerField[side], 1];
  warn(
    path,
    "is a peer of its own: either of the two is enough; join them in one item if both must hold",
  );
}

function checkPort(
  { policy, selected, warn }: Subject,
  side: Side,
  rule: Rule,
  match: PortMatch,
  path: Path,
  cluster: Cluster,
): void {
  if (match.kind !== "named" || cluster.pods.length === 0) return;
  const peers =
    rule.peers === "any"
      ? cluster.pods
      : rule.peers.flatMap((peer) => podsOfPeer(peer, policy, cluster));
  const destinations = side === "ingress" ? selected : peers;
  if (destinations.some((pod) => portsNamed(pod, match.name, match.protocol).length > 0)) return;
  const whose = side === "ingress" ? "it selects" : "its peers are";
  warn(
    [...path, "port"],
    `no pod that ${whose} has a ${match.protocol} port named ${match.name}, so it allows nothing`,
  );
}

function checkRule(
  subject: Subject,
  side: Side,
  index: number,
  rule: Rule,
  cluster: Cluster,
): void {
  const { policy, warn } = subject;
  const path = ["spec", side, index];
  const field = peerField[side];
  const written = (policy.written.spec[side] as Record<string, unknown>[])[index];
  for (const name of [field, "ports"]) {
    const list = written?.[name];
    if (!Array.isArray(list) || list.length > 0) continue;
    const what = name === "ports" ? "every port" : "everybody";
    warn(
      [...path, name],
      `is empty and means ${what}, like an absent one: remove the rule if nothing is meant`,
    );
  }
  checkSplitPeer(subject, side, index);
  if (rule.peers !== "any") {
    for (const [at, peer] of rule.peers.entries())
      checkPeer(subject, peer, [...path, field, at], cluster);
  }
  if (rule.ports === "any") return;
  for (const [at, match] of rule.ports.entries())
    checkPort(subject, side, rule, match, [...path, "ports", at], cluster);
}

function allowsDns(policy: Policy): boolean {
  return (policy.egress ?? []).some(
    ({ ports }) =>
      ports === "any" ||
      ports.some(
        (match) =>
          match.protocol === "UDP" &&
          (match.kind !== "range" || (match.first <= 53 && match.last >= 53)),
      ),
  );
}

/** Pods that may call somebody but may look up nobody. */
function checkDns(subjects: readonly Subject[]): void {
  for (const { policy, selected, warn } of subjects) {
    if (policy.egress === null || policy.egress.length === 0) continue;
    const mute = selected.find((pod) =>
      subjects.every(
        (other) =>
          other.policy.egress === null || !other.selected.includes(pod) || !allowsDns(other.policy),
      ),
    );
    if (mute !== undefined) {
      warn(
        ["spec", "egress"],
        `${mute.namespace}/${mute.name} may call others but ask no DNS server: allow port 53 over UDP and TCP`,
      );
    }
  }
}

function checkDuplicates(subjects: readonly Subject[]): void {
  for (const [key, same] of Map.groupBy(subjects, ({ policy }) => policyKey(policy))) {
    for (const { warn } of same.slice(1)) {
      warn(
        ["metadata", "name"],
        `${key} is defined more than once: an API server keeps the last one only`,
      );
    }
  }
}

/**
 * Warnings for policies that were read without errors, in the order in which they stand in the text.
 * Without any pod in the cluster nothing is said about who is selected.
 */
export function lint(cluster: Cluster, policies: readonly Policy[]): Diagnostic[] {
  const found: Diagnostic[] = [];
  const subjects = policies.map((policy): Subject => {
    const selected = cluster.pods.filter(
      (pod) =>
        !pod.hostNetwork &&
        pod.namespace === policy.namespace &&
        selects(policy.selector, pod.labels),
    );
    const warn = (path: Path, text: string): void => {
      const name = path
        .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
        .join("")
        .slice(1);
      found.push({
        ...placeIn(policy, path),
        severity: "warning",
        text: `${policyKey(policy)} ${name}: ${text}`,
      });
    };
    return { policy, selected, warn };
  });
  for (const subject of subjects) {
    checkSelector(subject, cluster);
    checkTypes(subject);
    for (const side of sides) {
      for (const [index, rule] of (subject.policy[side] ?? []).entries())
        checkRule(subject, side, index, rule, cluster);
    }
  }
  checkDns(subjects);
  checkDuplicates(subjects);
  for (const { dead, by } of findCovered(subjects)) {
    const subject = subjects.find(({ policy }) => policy === dead);
    subject?.warn(
      ["spec"],
      `changes nothing: ${policyKey(by)} isolates the same pods and allows all of it already`,
    );
  }
  return found.sort((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
  );
}
