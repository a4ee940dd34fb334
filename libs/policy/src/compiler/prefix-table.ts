/** Prefixes in the order of their addresses, wide before narrow: what one contains follows it. */
import type { Prefix } from "../address.ts";
import { addressBits } from "../address.ts";

export interface Placed {
  /** `first` and the length: sorts as the table does. */
  readonly key: string;
  /** Lowest and highest address, as 32 hexadecimal digits. */
  readonly first: string;
  readonly last: string;
}

function hexOf(address: bigint): string {
  return address.toString(16).padStart(32, "0");
}

export function placeOf({ bits, length }: Prefix): Placed {
  const first = hexOf(bits);
  const span = (1n << BigInt(addressBits - length)) - 1n;
  const last = length === addressBits ? first : hexOf(bits | span);
  return { key: `${first}/${String(length).padStart(3, "0")}`, first, last };
}

/** Bit by bit, whatever the families: what a longest-prefix match of 16-byte keys does. */
export function coversPlace(outer: Placed, inner: Placed): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

/** Above this many at once it is cheaper to go through all than to make room one by one. */
const manyAtOnce = 64;

export class PrefixTable<Item extends Placed> {
  #items: Item[] = [];

  get length(): number {
    return this.#items.length;
  }

  at(index: number): Item | undefined {
    return this.#items[index];
  }

  /** Index of the first item whose key is not smaller. */
  indexOf(key: string): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as Item).key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  change(added: readonly Item[], removed: ReadonlySet<Item>): void {
    if (removed.size > manyAtOnce) this.#items = this.#items.filter((item) => !removed.has(item));
    else for (const { key } of removed) this.#items.splice(this.indexOf(key), 1);
    if (added.length > manyAtOnce) this.#merge(added);
    else for (const item of added) this.#items.splice(this.indexOf(item.key), 0, item);
  }

  #merge(added: readonly Item[]): void {
    const sorted = [...added].sort((a, b) => (a.key < b.key ? -1 : 1));
    const merged: Item[] = [];
    let next = 0;
    for (const item of this.#items) {
      while (next < sorted.length && (sorted[next] as Item).key < item.key) {
        merged.push(sorted[next] as Item);
        next += 1;
      }
      merged.push(item);
    }
    for (; next < sorted.length; next += 1) merged.push(sorted[next] as Item);
    this.#items = merged;
  }
}
