/**
 * Random decisions that can be replayed and shrunk. A generator asks for numbers; what it got is
 * the whole of its randomness, so that a smaller list of numbers is a smaller example.
 */
export class Choices {
  readonly taken: number[] = [];
  readonly #replayed: readonly number[] | undefined;
  #state: number;

  private constructor(seed: number, replayed: readonly number[] | undefined) {
    this.#state = seed >>> 0;
    this.#replayed = replayed;
  }

  static random(seed: number): Choices {
    return new Choices(seed, undefined);
  }

  /** Where the list ends, every further decision is the first. */
  static replay(taken: readonly number[]): Choices {
    return new Choices(0, taken);
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    const wanted =
      this.#replayed === undefined ? this.#random() : (this.#replayed[this.taken.length] ?? 0);
    const value = wanted % Math.max(bound, 1);
    this.taken.push(value);
    return value;
  }

  /** mulberry32 */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return (value ^ (value >>> 14)) >>> 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** True once in `outOf` times; false is the simpler case. */
  oneIn(outOf: number): boolean {
    return this.below(outOf) === outOf - 1;
  }

  /** Between `least` and `most` items; fewer are simpler. */
  list<T>(least: number, most: number, make: (index: number) => T): T[] {
    const count = least + this.below(most - least + 1);
    return Array.from({ length: count }, (_, index) => make(index));
  }
}

/** Smaller lists first: without a stretch, then with a smaller number somewhere. */
function* simpler(taken: readonly number[]): Generator<number[]> {
  for (let size = Math.ceil(taken.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start + size <= taken.length; start += size) {
      yield [...taken.slice(0, start), ...taken.slice(start + size)];
    }
  }
  for (let index = 0; index < taken.length; index += 1) {
    const value = taken[index] as number;
    for (const smaller of new Set([0, Math.floor(value / 2), value - 1])) {
      if (smaller >= 0 && smaller < value) yield taken.with(index, smaller);
    }
  }
}

/** The simplest list found for which `fails` still says why, within a bounded number of tries. */
export function shrink(
  taken: readonly number[],
  fails: (taken: readonly number[]) => string | undefined,
): number[] {
  let best = [...taken];
  let tries = 4000;
  for (let improved = true; improved && tries > 0;) {
    improved = false;
    for (const candidate of simpler(best)) {
      tries -= 1;
      if (tries <= 0) break;
      if (fails(candidate) === undefined) continue;
      best = candidate;
      improved = true;
      break;
    }
  }
  return best;
}

/** Seed of this run: WEIR_SEED to repeat one, else a fresh one. */
export function freshSeed(): number {
  const wanted = process.env["WEIR_SEED"];
  return wanted === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(wanted);
}

/** How many random examples: WEIR_WORLDS to raise it. */
export function exampleCount(usual: number): number {
  return Number(process.env["WEIR_WORLDS"] ?? usual);
}

/**
 * Holds a property over random examples. `check` builds its example from the choices and returns
 * what is wrong with it. Throws with the seed, the shrunk example's complaint and how to repeat it.
 */
export function holdsForAll(
  name: string,
  examples: number,
  check: (choices: Choices) => string | undefined,
): void {
  const seed = freshSeed();
  for (let index = 0; index < examples; index += 1) {
    const choices = Choices.random(seed + index);
    if (check(choices) === undefined) continue;
    const attempt = (taken: readonly number[]): string | undefined => check(Choices.replay(taken));
    const smallest = shrink(choices.taken, attempt);
    throw new Error(`${name} fails, repeat with WEIR_SEED=${seed + index}\n${attempt(smallest)}`);
  }
  process.stderr.write(`${name}: ${examples} examples from seed ${seed}\n`);
}
