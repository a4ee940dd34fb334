/** Edits of one policy that would allow one connection on one side. */
import { stringify } from "yaml";
import { formatPrefix, hostPrefix } from "./address.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { namespaceNameLabel } from "./cluster.ts";
import { Examiner } from "./examiner.ts";
import { Judge } from "./judge.ts";
import type { Policy, Side, WrittenPeer, WrittenPolicy, WrittenPort } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import { NetworkPolicyTier } from "./network-policy-tier.ts";
import { formatPath } from "./problem.ts";
import { hasPorts } from "./protocol.ts";
import { readPolicy } from "./read-policy.ts";
import type { End, Ends, Question } from "./traffic.ts";
import { selectorOfWorkload, workloadKeyOf, workloadsOf } from "./workload-model.ts";

export interface Edit {
  /** `shop/cart` */
  policy: string;
  side: Side;
  /** Where something is added: `spec.ingress[0].ports`. */
  path: string;
  /** What is added, as YAML of one list item. */
  add: string;
  /** One sentence: `add 8080/TCP to the ports of ingress[0] of shop/cart`. */
  what: string;
  /** Lines it adds. */
  lines: number;
  /** Other pairs of pods that it would allow as well on the same port; undefined where not counted. */
  alsoAllows: number | undefined;
  /** The whole policy after the edit, as YAML. */
  text: string;
}

/** Above so many pods the pairs that an edit opens beside the asked one are not counted. */
const maxCountedPods = 150;

interface Candidate {
  policy: Policy;
  path: (string | number)[];
  item: unknown;
  what: string;
}

/** How a rule would name the other end: its workload's labels, its own, or its address. */
function peerFor(end: End, namespace: string, cluster: Cluster): WrittenPeer | undefined {
  if (end.pod === undefined) {
    return end.address === undefined
      ? undefined
      : { ipBlock: { cidr: formatPrefix(hostPrefix(end.address)) } };
  }
  const { pod } = end;
  const workload = workloadsOf(cluster).get(workloadKeyOf(pod));
  const neighbours = cluster.pods.filter((one) => one.namespace === pod.namespace);
  const selector = workload && selectorOfWorkload(workload, neighbours);
  const podSelector = { matchLabels: selector?.labels ?? pod.labels };
  if (pod.namespace === namespace) return { podSelector };
  return {
    namespaceSelector: { matchLabels: { [namespaceNameLabel]: pod.namespace } },
    podSelector,
  };
}

function candidatesOf(
  policy: Policy,
  side: Side,
  question: Question,
  ends: Ends,
  cluster: Cluster,
): Candidate[] {
  const field = side === "ingress" ? "from" : "to";
  const { port, protocol } = question;
  const writtenPort: WrittenPort | undefined = hasPorts(protocol) ? { protocol, port } : undefined;
  const peer = peerFor(side === "ingress" ? ends.from : ends.to, policy.namespace, cluster);
  const key = policyKey(policy);
  const found: Candidate[] = [];
  for (const index of (policy[side] ?? []).keys()) {
    const rule = `${side}[${index}] of ${key}`;
    if (writtenPort !== undefined) {
      found.push({
        policy,
        path: ["spec", side, index, "ports"],
        item: writtenPort,
        what: `add ${port}/${protocol} to the ports of ${rule}`,
      });
    }
    if (peer !== undefined) {
      found.push({
        policy,
        path: ["spec", side, index, field],
        item: peer,
        what: `add a peer to ${field} of ${rule}`,
      });
    }
  }
  if (peer !== undefined) {
    const rule = {
      [field]: [peer],
      ...(writtenPort === undefined ? {} : { ports: [writtenPort] }),
    };
    found.push({
      policy,
      path: ["spec", side],
      item: rule,
      what: `add a rule to ${side} of ${key}`,
    });
  }
  return found;
}

/** The policy with the item at the end of the list at `path`; lists that are missing are made. */
function withItem({ policy, path, item }: Candidate): WrittenPolicy {
  const edited = structuredClone(policy.written);
  let at = edited as unknown as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
  const last = path.at(-1) as string;
  at[last] = [...((at[last] as unknown[] | null | undefined) ?? []), item];
  return edited;
}

/** All policies with one of them read anew after its edit; undefined where the edit is no policy. */
function replaced(
  policies: readonly Policy[],
  old: Policy,
  edited: WrittenPolicy,
): Policy[] | undefined {
  const read = readPolicy(new Examiner(), edited, "", old.place);
  return read && policies.map((policy) => (policy === old ? read : policy));
}

function countAllowed(
  cluster: Cluster,
  policies: readonly Policy[],
  { port, protocol }: Question,
): number | undefined {
  if (cluster.pods.length > maxCountedPods) return undefined;
  const judge = new Judge(cluster, policies);
  const allowed = (from: ClusterPod, to: ClusterPod): boolean =>
    judge.judge({ from: { pod: from }, to: { pod: to }, port, protocol }).verdict === "allowed";
  return cluster.pods.reduce(
    (sum, from) => sum + cluster.pods.filter((to) => allowed(from, to)).length,
    0,
  );
}

/**
 * The edit of fewest lines, then of fewest other connections, after which this side allows the
 * question; undefined where none does. Each is tried with the evaluator before it is proposed.
 */
export function smallestEdit(
  cluster: Cluster,
  policies: readonly Policy[],
  question: Question,
  ends: Ends,
  side: Side,
): Edit | undefined {
  const subject = side === "ingress" ? ends.to.pod : ends.from.pod;
  if (subject === undefined) return undefined;
  const before = countAllowed(cluster, policies, question);
  const edits = new NetworkPolicyTier(cluster, policies)
    .isolating(side, subject)
    .flatMap((policy) => candidatesOf(policy, side, question, ends, cluster))
    .flatMap((candidate) => {
      const edited = withItem(candidate);
      const after = replaced(policies, candidate.policy, edited);
      if (after === undefined) return [];
      const verdict = new Judge(cluster, after).judge(question);
      if (verdict[side].verdict === "denied") return [];
      const add = stringify([candidate.item], { lineWidth: 0, aliasDuplicateObjects: false });
      const opened =
        before === undefined ? undefined : (countAllowed(cluster, after, question) ?? 0) - before;
      const own = verdict.verdict === "allowed" ? 1 : 0;
      return [
        {
          policy: policyKey(candidate.policy),
          side,
          path: formatPath(candidate.path),
          add,
          what: candidate.what,
          lines: add.trimEnd().split("\n").length,
          alsoAllows: opened === undefined ? undefined : Math.max(opened - own, 0),
          text: stringify(edited, { lineWidth: 0, aliasDuplicateObjects: false }),
        },
      ];
    });
  return edits.sort((a, b) => a.lines - b.lines || (a.alsoAllows ?? 0) - (b.alsoAllows ?? 0))[0];
}
