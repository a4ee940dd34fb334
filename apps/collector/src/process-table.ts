/**
 * Numbers of processes by their 64-bit keys, given in two halves. Holds at most twice `half` of
 * them: when one half is full the other, of those not asked for meanwhile, is forgotten. A look-up
 * allocates nothing.
 */
export class ProcessTable<Value> {
  /** Forgotten for others. */
  evicted = 0;
  #young: Half<Value>;
  #old: Half<Value>;
  readonly #half: number;

  constructor(half: number) {
    this.#half = half;
    this.#young = new Half(half);
    this.#old = new Half(half);
  }

  get size(): number {
    return this.#young.count + this.#old.count;
  }

  find(low: number, high: number): Value | undefined {
    const young = this.#young.find(low, high);
    if (young !== undefined) return young;
    const old = this.#old.take(low, high);
    if (old !== undefined) this.add(low, high, old);
    return old;
  }

  add(low: number, high: number, value: Value): void {
    if (this.#young.count === this.#half) {
      this.evicted += this.#old.count;
      this.#old = this.#young;
      this.#young = new Half(this.#half);
    }
    this.#young.add(low, high, value);
  }
}

/** Open addressing, at most half full; what was taken leaves its key behind without a value. */
class Half<Value> {
  count = 0;
  #used = 0;
  readonly #mask: number;
  readonly #keys: Uint32Array;
  readonly #places: Uint32Array;
  readonly #values: (Value | undefined)[] = [];

  constructor(most: number) {
    const places = 2 ** Math.ceil(Math.log2(2 * most));
    this.#mask = places - 1;
    this.#keys = new Uint32Array(2 * places);
    this.#places = new Uint32Array(places);
  }

  find(low: number, high: number): Value | undefined {
    const place = this.#places[this.#at(low, high)] as number;
    return place === 0 ? undefined : this.#values[place];
  }

  take(low: number, high: number): Value | undefined {
    const place = this.#places[this.#at(low, high)] as number;
    const value = this.#values[place];
    if (place === 0 || value === undefined) return undefined;
    this.#values[place] = undefined;
    this.count--;
    return value;
  }

  add(low: number, high: number, value: Value): void {
    const at = this.#at(low, high);
    if (this.#places[at] === 0) {
      this.#keys[2 * at] = low;
      this.#keys[2 * at + 1] = high;
      this.#places[at] = ++this.#used;
    }
    const place = this.#places[at] as number;
    if (this.#values[place] === undefined) this.count++;
    this.#values[place] = value;
  }

  #at(low: number, high: number): number {
    const mixed = Math.imul(low ^ Math.imul(high, 0x85eb_ca6b), 0x9e37_79b1);
    let at = (mixed ^ (mixed >>> 15)) & this.#mask;
    while (
      this.#places[at] !== 0 &&
      (this.#keys[2 * at] !== low || this.#keys[2 * at + 1] !== high)
    )
      at = (at + 1) & this.#mask;
    return at;
  }
}
