/** Why a connection is allowed or denied, and the smallest edits that would allow it. */
import type { Cluster } from "./cluster.ts";
import { addressBook, podKey } from "./cluster.ts";
import type { Edit } from "./edit.ts";
import { smallestEdit } from "./edit.ts";
import type { SideReason, SideVerdict } from "./judge.ts";
import { Judge } from "./judge.ts";
import type { Policy, Side } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import type { Protocol } from "./protocol.ts";
import { hasPorts } from "./protocol.ts";
import { ruleText } from "./tier.ts";
import type { Party, Question } from "./traffic.ts";
import { endsOf } from "./traffic.ts";

export interface SideExplanation {
  verdict: "allowed" | "denied";
  reason: SideReason;
  /** One sentence. */
  because: string;
  /** Every rule that allows it: `shop/cart ingress[0]`. */
  rules: string[];
  /** Every policy that isolates the pod on this side: `shop/cart`. */
  isolating: string[];
}

export interface Explanation {
  /** `namespace/pod`, or an address. */
  from: string;
  to: string;
  port: number;
  protocol: Protocol;
  verdict: "allowed" | "denied";
  egress: SideExplanation;
  ingress: SideExplanation;
  /** One for each side that denies it; all together allow it. Empty where it is allowed. */
  edits: Edit[];
}

function partyText(party: Party): string {
  return "pod" in party ? podKey(party.pod) : party.address;
}

function plural(count: number, verb: string): string {
  return count === 1 ? `${verb}s` : verb;
}

function sentence(side: Side, judged: SideVerdict, own: string, other: string): string {
  const { isolating, rules, reason } = judged;
  switch (reason) {
    case "outside":
      return `${own} has no ${side} policies of its own: it is no pod, or one of the host's network`;
    case "loopback":
      return "a pod always reaches itself";
    case "node":
      return `${other} is the node that ${own} runs on, and that may always come in`;
    case "not-isolated":
      return `no policy isolates ${side} of ${own}`;
    case "policy":
      return `${rules.map((rule) => ruleText(rule)).join(", ")} ${plural(rules.length, "allow")} it`;
    default:
      return `${isolating.map((one) => policyKey(one)).join(", ")} ${plural(isolating.length, "isolate")} ${side} of ${own}, and no rule allows ${other}`;
  }
}

function explainSide(side: Side, judged: SideVerdict, question: Question): SideExplanation {
  const [own, other] =
    side === "egress" ? [question.from, question.to] : [question.to, question.from];
  const { port, protocol } = question;
  const what = hasPorts(protocol) ? `on ${port}/${protocol}` : `by ${protocol}`;
  const because = sentence(side, judged, partyText(own), partyText(other));
  return {
    verdict: judged.verdict,
    reason: judged.reason,
    because: judged.reason === "default-deny" ? `${because} ${what}` : because,
    rules: judged.rules.map((rule) => ruleText(rule)),
    isolating: judged.isolating.map((one) => policyKey(one)),
  };
}

/** Parties must be pods of the cluster, or addresses. Throws RangeError for a text that is no address. */
export function explain(
  cluster: Cluster,
  policies: readonly Policy[],
  question: Question,
): Explanation {
  const judged = new Judge(cluster, policies).judge(question);
  const ends = endsOf(question, addressBook(cluster));
  const edits = (["egress", "ingress"] as const)
    .filter((side) => judged[side].verdict === "denied")
    .map((side) => smallestEdit(cluster, policies, question, ends, side))
    .filter((edit) => edit !== undefined);
  return {
    from: partyText(question.from),
    to: partyText(question.to),
    port: question.port,
    protocol: question.protocol,
    verdict: judged.verdict,
    egress: explainSide("egress", judged.egress, question),
    ingress: explainSide("ingress", judged.ingress, question),
    edits,
  };
}
