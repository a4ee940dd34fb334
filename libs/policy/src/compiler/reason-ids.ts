import { lastId } from "./numbering.ts";
import { IdSpace } from "./numbering.ts";
import type { RuleText } from "../compiled.ts";
import type { RuleSet } from "./isolation.ts";
import { denyText } from "./isolation.ts";
import type { Policies } from "./policies.ts";
import type { RuleName } from "./rule-part.ts";

type Reason = RuleName | RuleSet;

function isRuleSet(reason: Reason): reason is RuleSet {
  return "isolation" in reason;
}

/** Ids of rules and rule sets, which share one space, and the texts behind them. */
export class ReasonIds {
  readonly #space: IdSpace<Reason>;
  readonly #texts = new Map<number, string>();
  #untold = new Set<Reason>();
  #freed = new Set<number>();

  constructor(last = lastId) {
    this.#space = new IdSpace(1, last);
  }

  settle(
    policies: Policies,
    ruleSets: { created: RuleSet[]; deleted: RuleSet[] },
  ): { haveMoved: boolean; reused: boolean } {
    const created: Reason[] = [...ruleSets.created];
    const deleted: Reason[] = [...ruleSets.deleted];
    for (const name of policies.undecidedNames) {
      if (name.holders > 0 && name.id === 0) created.push(name);
      if (name.holders > 0) continue;
      policies.forgetName(name);
      if (name.id !== 0) deleted.push(name);
    }
    const moved = new Set<Reason>();
    for (const one of deleted) {
      for (const other of this.#space.remove(one)) moved.add(other);
      this.#freed.add(one.told);
    }
    for (const one of created) for (const other of this.#space.add(one)) moved.add(other);
    const gone = new Set(deleted);
    for (const one of [...moved, ...created]) if (!gone.has(one)) this.#untold.add(one);
    for (const one of moved) if (one.told !== 0) this.#freed.add(one.told);
    return { haveMoved: moved.size > 0, reused: created.some((one) => this.#freed.has(one.id)) };
  }

  /** Texts that changed. To be asked last: from here on all numbers count as told. */
  tell(policies: Policies): { set: RuleText[]; deleted: number[] } {
    for (const group of policies.changedTexts) {
      for (const side of ["ingress", "egress"] as const) {
        for (const { ruleSets } of group[side].isolations) {
          for (const one of ruleSets.values()) this.#untold.add(one);
        }
      }
    }
    const now = new Map<number, string>();
    const texts = new Map<unknown, string>();
    for (const one of this.#untold) {
      now.set(one.id, isRuleSet(one) ? textOf(one, texts) : one.text);
      one.told = one.id;
    }
    const deleted = [...this.#freed].filter((id) => !now.has(id));
    for (const id of deleted) this.#texts.delete(id);
    const set: RuleText[] = [];
    for (const [rule, text] of now) {
      if (this.#texts.get(rule) === text) continue;
      this.#texts.set(rule, text);
      set.push({ rule, text });
    }
    this.#untold = new Set();
    this.#freed = new Set();
    return { set, deleted };
  }

  *texts(): Generator<RuleText> {
    for (const [rule, text] of this.#texts) yield { rule, text };
  }
}

/** Rule sets of one isolation have one text. */
function textOf({ isolation }: RuleSet, known: Map<unknown, string>): string {
  const text = known.get(isolation) ?? denyText(isolation);
  known.set(isolation, text);
  return text;
}
