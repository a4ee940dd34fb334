import { flowLayout, flowRecordBytes } from "@weir/codec";
import type { BlockHeader } from "@weir/codec";

interface Text {
  rule: number;
  text: string;
}

/**
 * Why each rule id allows or denies, for the generations that flows may still be under. Flows
 * outlive the policy they were judged by, so a number of generations is remembered. What a change
 * costs follows what it changes, not how many texts there are.
 */
export interface RuleTexts {
  /** All texts of a generation, from its newest revision. */
  replace(generation: number, rules: Text[]): void;
  /** What a revision changes. Rules that are gone are remembered for flows under way. */
  edit(generation: number, change: { set: Text[]; deleted: number[] }): void;
  /** Texts of the rules that occur in `count` records. What is not known any more is left out. */
  of(records: Uint8Array, count: number): BlockHeader["rules"];
}

/** A text and the first generation that has it. */
interface Version {
  from: number;
  text: string;
}

export function createRuleTexts(generationsKept: number): RuleTexts {
  return new VersionedTexts(generationsKept);
}

class VersionedTexts implements RuleTexts {
  readonly #generationsKept: number;
  /** Oldest first. */
  readonly #versions = new Map<number, Version[]>();
  /** Rules with more than one version. */
  readonly #changed = new Set<number>();
  /** Rules that are gone, and the last generation that may have them. */
  readonly #gone = new Map<number, number>();
  #newest = 0;

  constructor(generationsKept: number) {
    this.#generationsKept = generationsKept;
  }

  replace(generation: number, rules: Text[]): void {
    const now = new Set(rules.map((one) => one.rule));
    const deleted = [...this.#versions.keys()].filter((rule) => !now.has(rule));
    this.edit(generation, { set: rules, deleted });
  }

  edit(generation: number, { set, deleted }: { set: Text[]; deleted: number[] }): void {
    for (const rule of deleted) {
      if (this.#versions.has(rule) && !this.#gone.has(rule)) this.#gone.set(rule, generation);
    }
    for (const { rule, text } of set) this.#keep(rule, { from: generation, text });
    if (generation <= this.#newest) return;
    this.#newest = generation;
    this.#forget(generation - this.#generationsKept);
  }

  of(records: Uint8Array, count: number): BlockHeader["rules"] {
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
      const text = this.#textOf(rule, generation);
      if (text !== undefined) found.push({ generation, rule, text });
    }
    return found;
  }

  #keep(rule: number, version: Version): void {
    this.#gone.delete(rule);
    const versions = this.#versions.get(rule);
    const last = versions?.at(-1);
    if (versions === undefined || last === undefined) this.#versions.set(rule, [version]);
    else if (last.from === version.from) last.text = version.text;
    else if (last.text !== version.text) {
      versions.push(version);
      this.#changed.add(rule);
    }
  }

  #textOf(rule: number, generation: number): string | undefined {
    if (generation <= this.#newest - this.#generationsKept) return undefined;
    return this.#versions.get(rule)?.findLast((one) => one.from <= generation)?.text;
  }

  /** What only this generation and those before it had. */
  #forget(generation: number): void {
    for (const [rule, last] of this.#gone) {
      if (last > generation) continue;
      this.#gone.delete(rule);
      this.#changed.delete(rule);
      this.#versions.delete(rule);
    }
    for (const rule of this.#changed) {
      const versions = this.#versions.get(rule) as Version[];
      const first = versions.findLastIndex((one) => one.from <= generation + 1);
      if (first > 0) versions.splice(0, first);
      if (versions.length === 1) this.#changed.delete(rule);
    }
  }
}
