import type { Contribution, RuleName } from "./rule-part.ts";
import { compareContributions } from "./rule-part.ts";

/** Rules of one rule set that hold towards one identity. The same object wherever it is the same. */
export interface Combination {
  readonly key: string;
  /** In the order in which they are named as the reason. */
  readonly contributions: readonly Contribution[];
  holders: number;
}

export class Combinations {
  readonly #known = new Map<string, Combination>();

  get size(): number {
    return this.#known.size;
  }

  /** Held by the caller from now on; undefined for none. */
  hold(contributions: Contribution[]): Combination | undefined {
    if (contributions.length === 0) return undefined;
    const sorted = contributions.sort(compareContributions);
    const key = sorted.map((one) => one.uid).join(",");
    const known = this.#known.get(key) ?? { key, contributions: sorted, holders: 0 };
    known.holders += 1;
    this.#known.set(key, known);
    return known;
  }

  release(combination: Combination | undefined): void {
    if (combination === undefined) return;
    combination.holders -= 1;
    if (combination.holders === 0) this.#known.delete(combination.key);
  }
}

/** What a combination allows: packed port to the rule that is named, the first in order. */
export function* allowed(combination: Combination): Generator<[number, RuleName]> {
  const { contributions } = combination;
  const [only] = contributions;
  if (contributions.length === 1 && only !== undefined) {
    for (const port of only.ports) yield [port, only.part.name];
    return;
  }
  const seen = new Set<number>();
  for (const { ports, part } of contributions) {
    for (const port of ports) {
      if (seen.has(port)) continue;
      seen.add(port);
      yield [port, part.name];
    }
  }
}
