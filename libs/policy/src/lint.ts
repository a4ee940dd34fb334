/** What an API server accepts but surely was not meant, judged against the pods there are now. */
import { formatPrefix, parseAddress, parsePrefix } from "./address.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { portsNamed } from "./cluster.ts";
import { findCovered, namesOf } from "./covered-policy.ts";
import { checkDns } from "./lint-dns.ts";
import { placeIn } from "./locations.ts";
import type { Peer, Policy, PortMatch, Rule, Side, WrittenPolicy } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import { PeerFinder } from "./peer-finder.ts";
import type { Diagnostic, Path } from "./problem.ts";
import { describeSelector, selects } from "./selector.ts";
import { ruleText } from "./tier.ts";

const sides = ["ingress", "egress"] as const;
const peerField = { ingress: "from", egress: "to" } as const;

/** One policy with what it needs to be judged. */
export interface Subject {
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
    ? "only pods on the host's network, which no policy reaches: select others, or delete it"
    : `no pod now (${text} in namespace ${policy.namespace}): correct the labels, or delete it`;
  warn(["spec", "podSelector"], `selects ${why}`);
}

function checkTypes({ policy, warn }: Subject): void {
  for (const side of sides) {
    const written = policy.written.spec?.[side];
    if (policy[side] !== null || written === undefined || written === null || written.length === 0)
      continue;
    const type = side === "ingress" ? "Ingress" : "Egress";
    warn(
      ["spec", side],
      `is ignored: policyTypes does not name ${type}; add it, or remove the rules`,
    );
  }
}

function checkPeer({ policy, warn }: Subject, peer: Peer, path: Path, finder: PeerFinder): void {
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
        `${text} has bits beyond its length: it means ${formatPrefix(prefix)}; write that`,
      );
    }
    return;
  }
  const { namespaces, pods } = peer;
  if (!finder.knowsPods) return;
  if (namespaces !== null && finder.namespacesOf(namespaces).length === 0) {
    const foreign = namespaces.find((one) => finder.isForeign(one));
    const why =
      foreign === undefined
        ? `${describeSelector(namespaces)} matches no namespace there is now`
        : `no namespace carries the label ${describeSelector([foreign])}`;
    warn(
      [...path, "namespaceSelector"],
      `${why}: label the one that is meant, or correct the selector`,
    );
  } else if (finder.podsOf(peer, policy.namespace).length === 0) {
    const where = namespaces === null ? `namespace ${policy.namespace}` : "those namespaces";
    const todo =
      namespaces === null
        ? "correct the labels, or add a namespaceSelector if they are elsewhere"
        : "correct the labels, or remove the peer";
    warn(
      [...path, "podSelector"],
      `${describeSelector(pods)} matches no pod of ${where} now: ${todo}`,
    );
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
  finder: PeerFinder,
): void {
  if (match.kind !== "named" || !finder.knowsPods) return;
  // Who is selected by nobody has been said already.
  if (side === "ingress" && selected.length === 0) return;
  const peers =
    rule.peers === "any"
      ? finder.cluster.pods
      : rule.peers.flatMap((peer) => finder.podsOf(peer, policy.namespace));
  const destinations = side === "ingress" ? selected : peers;
  if (destinations.some((pod) => portsNamed(pod, match.name, match.protocol).length > 0)) return;
  const whose = side === "ingress" ? "it selects" : "its peers are";
  warn(
    [...path, "port"],
    `no pod that ${whose} has a ${match.protocol} port named ${match.name}, so it allows nothing: name the containerPort so, or write its number`,
  );
}

function checkRule(
  subject: Subject,
  side: Side,
  index: number,
  rule: Rule,
  finder: PeerFinder,
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
      checkPeer(subject, peer, [...path, field, at], finder);
  }
  if (rule.ports === "any") return;
  for (const [at, match] of rule.ports.entries())
    checkPort(subject, side, rule, match, [...path, "ports", at], finder);
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

function checkCovered(subjects: readonly Subject[]): void {
  const covered = findCovered(subjects);
  const subjectOf = new Map(subjects.map((subject) => [subject.policy, subject]));
  for (const { dead, by } of covered.policies) {
    const verbs =
      by.length === 1 ? "isolates the same pods and allows" : "isolate the same pods and allow";
    const text = `changes nothing: ${namesOf(by)} ${verbs} all of it already; delete one`;
    subjectOf.get(dead)?.warn(["spec"], text);
  }
  for (const { dead, policy, by } of covered.rules) {
    const text = `adds nothing: ${ruleText(by)} allows all of it already; remove it, or narrow the other`;
    subjectOf.get(policy)?.warn(["spec", dead.side, dead.index], text);
  }
}

/**
 * Warnings for policies that were read without errors, in the order in which they stand in the text.
 * Without any pod in the cluster nothing is said about who is selected.
 */
export function lint(cluster: Cluster, policies: readonly Policy[]): Diagnostic[] {
  const found: Diagnostic[] = [];
  const finder = new PeerFinder(cluster);
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
        checkRule(subject, side, index, rule, finder);
    }
  }
  checkDns(subjects, finder);
  checkDuplicates(subjects);
  checkCovered(subjects);
  return found.sort((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
  );
}
