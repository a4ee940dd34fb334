/**
 * Why a connection is allowed or denied, and the smallest edit of a policy in force that would allow
 * it. An edit is one rule with one peer and one port; it is judged before it is offered.
 */
import { stringify } from "yaml";
import { familyOf, parseAddress } from "./address.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { namespaceNameLabel, podKey } from "./cluster.ts";
import type { SideReason, SideVerdict, Verdict } from "./judge.ts";
import { Judge } from "./judge.ts";
import { readManifests } from "./manifests.ts";
import type { Policy, Side, WrittenPeer, WrittenPolicy } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import { hasPorts } from "./protocol.ts";
import { ruleText } from "./tier.ts";
import type { Party, Question } from "./traffic.ts";
import { selectorOfWorkload, workloadsOf } from "./workload-model.ts";

export interface SideExplanation {
  verdict: "allowed" | "denied";
  reason: SideReason;
  /** Every rule that allows it: `shop/cart ingress[0]`. */
  rules: string[];
  /** Every policy that isolates the pod on this side: `shop/cart`. */
  isolating: string[];
}

export interface Edit {
  side: Side;
  /** `namespace/name` of the policy to edit. */
  policy: string;
  /** The rule to add to it, as YAML. */
  rule: string;
  /** The whole policy with the rule, as YAML. */
  text: string;
}

export interface Explanation {
  from: string;
  to: string;
  port: number;
  protocol: string;
  verdict: "allowed" | "denied";
  egress: SideExplanation;
  ingress: SideExplanation;
  /** One for each side that denies it; all together allow it. Empty where no rule can. */
  edits: Edit[];
}

/** Throws RangeError when an address of the question is none. */
export function explain(
  cluster: Cluster,
  policies: readonly Policy[],
  question: Question,
): Explanation {
  const verdict = new Judge(cluster, policies).judge(question);
  return {
    from: partyText(question.from),
    to: partyText(question.to),
    port: question.port,
    protocol: question.protocol,
    verdict: verdict.verdict,
    egress: sideOf(verdict.egress),
    ingress: sideOf(verdict.ingress),
    edits: verdict.verdict === "allowed" ? [] : editsFor(cluster, policies, question, verdict),
  };
}

function partyText(party: Party): string {
  return "pod" in party ? podKey(party.pod) : party.address;
}

function sideOf({ verdict, reason, rules, isolating }: SideVerdict): SideExplanation {
  return {
    verdict,
    reason,
    rules: rules.map((rule) => ruleText(rule)),
    isolating: isolating.map((one) => policyKey(one)),
  };
}

function editsFor(
  cluster: Cluster,
  policies: readonly Policy[],
  question: Question,
  verdict: Verdict,
): Edit[] {
  let edited = policies;
  const edits = (["egress", "ingress"] as const).flatMap((side): Edit[] => {
    const [isolating] = verdict[side].verdict === "denied" ? verdict[side].isolating : [];
    const policy = edited.find((one) => isolating && policyKey(one) === policyKey(isolating));
    if (policy === undefined) return [];
    const rule = ruleFor(cluster, policy, side, question);
    const text = stringify(withRule(policy.written, side, rule));
    const [read] = readManifests(text, policyKey(policy)).policies;
    if (read === undefined) return [];
    edited = edited.map((one) => (one === policy ? read : one));
    return [{ side, policy: policyKey(policy), rule: stringify([rule]), text }];
  });
  return new Judge(cluster, edited).judge(question).verdict === "allowed" ? edits : [];
}

function withRule(written: WrittenPolicy, side: Side, rule: object): WrittenPolicy {
  const copy = structuredClone(written);
  const rules = [...(copy.spec[side] ?? []), rule];
  return { ...copy, spec: { ...copy.spec, [side]: rules } };
}

function ruleFor(cluster: Cluster, policy: Policy, side: Side, question: Question): object {
  const peer = peerOf(cluster, policy.namespace, side === "egress" ? question.to : question.from);
  const { port, protocol } = question;
  return {
    [side === "egress" ? "to" : "from"]: [peer],
    // Rules with ports never allow ICMP.
    ...(hasPorts(protocol) ? { ports: [{ protocol, port }] } : {}),
  };
}

function peerOf(cluster: Cluster, namespace: string, party: Party): WrittenPeer {
  if (!("pod" in party)) return blockOf(party.address);
  const { pod } = party;
  if (pod.hostNetwork) return blockOf(pod.addresses[0] ?? "");
  const peer: WrittenPeer = { podSelector: { matchLabels: labelsOf(cluster, pod) } };
  if (pod.namespace === namespace) return peer;
  return {
    namespaceSelector: { matchLabels: { [namespaceNameLabel]: pod.namespace } },
    ...peer,
  };
}

/** Labels that stay with the workload; all there are where none does. */
function labelsOf(cluster: Cluster, pod: ClusterPod): Record<string, string> {
  const workload = workloadsOf(cluster).get(`${pod.namespace}/${pod.workload}`);
  const beside = cluster.pods.filter((one) => one.namespace === pod.namespace);
  const selector = workload && selectorOfWorkload(workload, beside);
  return selector?.labels ?? pod.labels;
}

function blockOf(address: string): WrittenPeer {
  const parsed = parseAddress(address);
  const bits = parsed !== undefined && familyOf(parsed) === 4 ? 32 : 128;
  return { ipBlock: { cidr: `${address}/${bits}` } };
}
