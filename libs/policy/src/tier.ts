import type { ClusterPod } from "./cluster.ts";
import type { Side } from "./network-policy.ts";
import type { Protocol } from "./protocol.ts";
import type { End } from "./traffic.ts";

/** One rule of one policy: `shop/cart ingress[0]`. */
export interface RuleReference {
  namespace: string;
  name: string;
  side: Side;
  index: number;
}

export interface PolicyReference {
  namespace: string;
  name: string;
}

/** A connection as one end's policies see it. */
export interface Traffic {
  side: Side;
  /** The pod whose policies are asked. */
  subject: ClusterPod;
  /** Whom it talks to. */
  other: End;
  /** The pod on which named ports are resolved, if the destination is one. */
  destination: ClusterPod | undefined;
  port: number;
  protocol: Protocol;
}

/** What a tier says. `pass` leaves it to the next tier. */
export interface TierDecision {
  action: "allow" | "deny" | "pass";
  /** Rules that decided; every one that allows, not only the first. */
  rules: RuleReference[];
  /** Policies that isolate the subject on this side. */
  isolating: PolicyReference[];
}

/**
 * One layer of policy. Tiers are asked in order and the first that does not pass decides: admin
 * tiers with priorities of their own can stand above NetworkPolicy v1, a baseline below it.
 */
export interface Tier {
  name: string;
  judge(traffic: Traffic): TierDecision;
}

export function ruleText(rule: RuleReference): string {
  return `${rule.namespace}/${rule.name} ${rule.side}[${rule.index}]`;
}

/** More are told by `weir policy explain`; the text stands in every flow that was denied. */
export const maxPoliciesInText = 16;

/** `default-deny ingress (shop/base, shop/cart)`, from sorted `namespace/name`. */
export function defaultDenyText(side: Side, isolating: readonly string[]): string {
  const names = isolating.slice(0, maxPoliciesInText).join(", ");
  return `default-deny ${side} (${names}${isolating.length > maxPoliciesInText ? ", and more" : ""})`;
}
