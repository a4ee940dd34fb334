import { flowSymbols } from "@weir/codec";
import type { FlowColumns } from "@weir/codec";

const CODES: string[] = flowSymbols.reason.map((symbol) => symbol.replaceAll("_", "-"));
/** Reasons that come with a rule: policy, default_deny, shadow_deny. */
const WITH_RULE = flowSymbols.reason.map((symbol) =>
  ["policy", "default_deny", "shadow_deny"].includes(symbol),
);

/**
 * The reason of a flow as people read it: the text of the rule where one decided, else the code
 * with dashes. Made per block, because a rule's id means something only in its generation.
 */
export class ReasonTexts {
  #texts = new Map<number, string>();

  constructor(rules: FlowColumns["rules"]) {
    for (const { generation, rule, text } of rules)
      this.#texts.set(ruleKey(generation, rule), text);
  }

  text(reason: number, generation: number, rule: number): string {
    const code = CODES[reason] ?? "unknown";
    if (rule === 0 || WITH_RULE[reason] !== true) return code;
    return this.#texts.get(ruleKey(generation, rule)) ?? code;
  }
}

function ruleKey(generation: number, rule: number): number {
  // Generations count up by one per change: 21 bits of them leave room for every 32-bit rule.
  return (generation % 2 ** 21) * 2 ** 32 + rule;
}
