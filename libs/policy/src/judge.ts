/**
 * What the policies in force mean for one connection. This is the one place that says so: the
 * compiler, the matrix, the explainer, the recommender and the replay are held to it.
 *
 * - A connection is allowed when the egress side of its source and the ingress side of its
 *   destination both allow it. Replies belong to the connection.
 * - A pod always reaches itself.
 * - A pod's own node always reaches it, whatever the policies: kubelet's probes must pass. The
 *   other way the node is judged like any address. A host-network pod counts as its node.
 * - Ends outside the cluster, nodes and host-network pods have no side of their own to ask.
 * - ICMP has no ports, so only rules without `ports` allow it.
 */
import type { Cluster, ClusterPod } from "./cluster.ts";
import { addressBook } from "./cluster.ts";
import type { Policy, Side } from "./network-policy.ts";
import { NetworkPolicyTier } from "./network-policy-tier.ts";
import type { PolicyReference, RuleReference, Tier } from "./tier.ts";
import type { End, Ends, Question } from "./traffic.ts";
import { endsOf } from "./traffic.ts";

export type SideReason =
  /** The end is no pod with policies of its own. */
  | "outside"
  | "loopback"
  /** From the pod's own node. */
  | "node"
  | "not-isolated"
  | "policy"
  | "default-deny";

export interface SideVerdict {
  verdict: "allowed" | "denied";
  reason: SideReason;
  /** Name of the tier that decided, if one did. */
  tier: string | undefined;
  /** Every rule that allowed (or, in tiers that can, denied). */
  rules: RuleReference[];
  /** Every policy that isolates the pod on this side. */
  isolating: PolicyReference[];
}

export interface Verdict {
  verdict: "allowed" | "denied";
  egress: SideVerdict;
  ingress: SideVerdict;
}

function unconditional(reason: SideReason): SideVerdict {
  return { verdict: "allowed", reason, tier: undefined, rules: [], isolating: [] };
}

export class Judge {
  readonly #book;
  readonly #tiers: readonly Tier[];

  /** `above` are asked before NetworkPolicy v1, in order. */
  constructor(cluster: Cluster, policies: readonly Policy[], above: readonly Tier[] = []) {
    this.#book = addressBook(cluster);
    this.#tiers = [...above, new NetworkPolicyTier(cluster, policies)];
  }

  /** Throws RangeError when an address of the question is none. */
  judge(question: Question): Verdict {
    const ends = endsOf(question, this.#book);
    const egress = this.#side("egress", ends, question);
    const ingress = this.#side("ingress", ends, question);
    const denied = egress.verdict === "denied" || ingress.verdict === "denied";
    return { verdict: denied ? "denied" : "allowed", egress, ingress };
  }

  #side(side: Side, ends: Ends, question: Question): SideVerdict {
    const [own, other] = side === "egress" ? [ends.from, ends.to] : [ends.to, ends.from];
    const subject = own.pod;
    if (subject === undefined) return unconditional("outside");
    if (other.pod === subject) return unconditional("loopback");
    if (side === "ingress" && isOwnNode(subject, other)) return unconditional("node");
    const { port, protocol } = question;
    const traffic = { side, subject, other, destination: ends.to.pod, port, protocol };
    for (const tier of this.#tiers) {
      const { action, rules, isolating } = tier.judge(traffic);
      if (action === "pass") continue;
      const verdict = action === "allow" ? "allowed" : "denied";
      const reason = action === "deny" && rules.length === 0 ? "default-deny" : "policy";
      return { verdict, reason, tier: tier.name, rules, isolating };
    }
    return unconditional("not-isolated");
  }
}

function isOwnNode(subject: ClusterPod, other: End): boolean {
  return other.node !== undefined && other.node !== "" && other.node === subject.node;
}
