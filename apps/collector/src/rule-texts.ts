import { flowLayout, flowRecordBytes } from "@weir/codec";
import type { BlockHeader } from "@weir/codec";

/**
 * Why each rule id allows or denies, for the generations that flows may still be under. Flows
 * outlive the policy they were judged by, so a number of generations is remembered.
 */
export interface RuleTexts {
  remember(generation: number, rules: { rule: number; text: string }[]): void;
  /** Texts of the rules that occur in `count` records. What is not known any more is left out. */
  of(records: Uint8Array, count: number): BlockHeader["rules"];
}

export function createRuleTexts(generationsKept: number): RuleTexts {
  const generations = new Map<number, Map<number, string>>();
  return {
    remember(generation, rules) {
      // Deleted first, so that the newest is last and the oldest goes.
      const known = generations.get(generation) ?? new Map<number, string>();
      generations.delete(generation);
      for (const { rule, text } of rules) known.set(rule, text);
      generations.set(generation, known);
      for (const oldest of generations.keys()) {
        if (generations.size <= generationsKept) break;
        generations.delete(oldest);
      }
    },
    of(records, count) {
      const view = new DataView(records.buffer, records.byteOffset, count * flowRecordBytes);
      const found: BlockHeader["rules"] = [];
      const seen = new Map<number, Set<number>>();
      for (let at = 0; at < view.byteLength; at += flowRecordBytes) {
        const rule = view.getUint32(at + flowLayout.rule.offset, true);
        if (rule === 0) continue;
        const generation = view.getUint32(at + flowLayout.generation.offset, true);
        const rules = seen.get(generation) ?? new Set<number>();
        if (rules.has(rule)) continue;
        seen.set(generation, rules.add(rule));
        const text = generations.get(generation)?.get(rule);
        if (text !== undefined) found.push({ generation, rule, text });
      }
      return found;
    },
  };
}
