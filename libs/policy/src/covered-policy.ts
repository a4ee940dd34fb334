import type { ClusterPod } from "./cluster.ts";
import { coversRule } from "./covers.ts";
import type { Policy, Rule, Side } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import type { RuleReference } from "./tier.ts";

const sides = ["ingress", "egress"] as const;

export interface Selecting {
  policy: Policy;
  /** Pods that it isolates now. */
  selected: readonly ClusterPod[];
}

export interface Covered {
  /** Policies without which nothing would be different, and those that already say it. */
  policies: { dead: Policy; by: Policy[] }[];
  /** Rules of the others that add nothing. */
  rules: { dead: RuleReference; policy: Policy; by: RuleReference }[];
}

/** The text decides; pods only say who is selected. Of two that say the same the later one is named. */
export function findCovered(all: readonly Selecting[]): Covered {
  const found: Covered = { policies: [], rules: [] };
  for (const group of Map.groupBy(all, ({ policy }) => policy.namespace).values()) {
    const search = new Search(group);
    found.policies.push(...search.policies());
    found.rules.push(...search.rules());
  }
  return found;
}

/** The policies of one namespace. What was found dead covers nothing else any more. */
class Search {
  readonly #all: readonly Selecting[];
  readonly #selected: Map<Selecting, ReadonlySet<ClusterPod>>;
  readonly #dead = new Set<Policy | Rule>();

  constructor(all: readonly Selecting[]) {
    this.#all = all;
    this.#selected = new Map(all.map((one) => [one, new Set(one.selected)]));
  }

  /** Policies that select at least the same pods. */
  #around(one: Selecting): Policy[] {
    return this.#all
      .filter((other) => other !== one && !this.#dead.has(other.policy))
      .filter((other) => {
        const selected = this.#selected.get(other);
        return one.selected.every((pod) => selected?.has(pod));
      })
      .map((other) => other.policy);
  }

  policies(): Covered["policies"] {
    const found: Covered["policies"] = [];
    for (const one of this.#all.toReversed()) {
      if (one.selected.length === 0) continue;
      const by = this.#whoSays(one.policy, this.#around(one));
      if (by === undefined) continue;
      this.#dead.add(one.policy);
      found.push({ dead: one.policy, by });
    }
    return found;
  }

  /** Those of `others` that isolate as the policy does and allow what it allows. */
  #whoSays(policy: Policy, others: readonly Policy[]): Policy[] | undefined {
    const by = new Set<Policy>();
    // A policy without rules is a floor under the others; only a rule that allows all takes it away.
    const isFloor = sides.every((side) => (policy[side] ?? []).length === 0);
    for (const side of sides) {
      const rules = policy[side];
      if (rules === null) continue;
      const isolating = others.find(
        (other) =>
          other[side] !== null &&
          (!isFloor || other[side].some((rule) => rule.peers === "any" && rule.ports === "any")),
      );
      if (isolating === undefined) return undefined;
      by.add(isolating);
      for (const rule of rules) {
        const says = others.find((other) => saysRule(other, side, rule));
        if (says === undefined) return undefined;
        by.add(says);
      }
    }
    if (by.size < 2) return by.size === 0 ? undefined : [...by];
    const alone = [...by].find((one) => this.#whoSays(policy, [one]) !== undefined);
    return alone === undefined ? [...by] : [alone];
  }

  rules(): Covered["rules"] {
    const found: Covered["rules"] = [];
    for (const one of this.#all.toReversed()) {
      const { policy } = one;
      if (this.#dead.has(policy) || one.selected.length === 0) continue;
      const around = [policy, ...this.#around(one)];
      for (const side of sides) {
        for (const [index, rule] of [...(policy[side] ?? []).entries()].toReversed()) {
          const by = this.#coveredBy(rule, side, policy.namespace, around);
          if (by === undefined) continue;
          this.#dead.add(rule);
          found.push({ dead: reference(policy, side, index), policy, by });
        }
      }
    }
    return found;
  }

  #coveredBy(
    rule: Rule,
    side: Side,
    namespace: string,
    policies: readonly Policy[],
  ): RuleReference | undefined {
    for (const policy of policies) {
      const index = (policy[side] ?? []).findIndex(
        (other) => other !== rule && !this.#dead.has(other) && coversRule(other, rule, namespace),
      );
      if (index >= 0) return reference(policy, side, index);
    }
    return undefined;
  }
}

function saysRule(policy: Policy, side: Side, rule: Rule): boolean {
  return (policy[side] ?? []).some((other) => coversRule(other, rule, policy.namespace));
}

function reference({ namespace, name }: Policy, side: Side, index: number): RuleReference {
  return { namespace, name, side, index };
}

/** `shop/base and shop/web` */
export function namesOf(policies: readonly Policy[]): string {
  return policies.map((policy) => policyKey(policy)).join(" and ");
}
