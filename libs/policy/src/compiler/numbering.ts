/**
 * Ids for what policies name. An id is made from what it stands for and from nothing else: the same
 * in every compilation, so that a pod that comes or goes renames nothing and a restart neither.
 */

/** Ids fit a signed 32-bit integer, which is what Avro's int holds. */
export const lastId = 2 ** 31 - 1;

function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** FNV-1a over UTF-16 units with a final mix, 32 bits. */
export function hashText(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(value);
}

/** The hash of a set from the sum of its members' hashes: the order in which they came is no part of it. */
export function hashOfSum(sum: number): number {
  return mix(sum >>> 0);
}

/** Something that has an id in a space. */
export interface Numbered {
  readonly hash: number;
  /** What it stands for, whole; only asked for where two hashes meet. */
  meaning(): string;
  /** 0: none yet. */
  id: number;
}

/**
 * Ids of what is there now. Where two hashes meet, the meaning that sorts first has the place and
 * the other moves on to the next: linear probing in which each place prefers the smaller. Such a
 * table has one stable state whatever the order of arrivals and departures (places that all prefer
 * alike and items that each prefer the nearer place have one stable matching), so that ids do not
 * depend on history.
 */
export class IdSpace<Item extends Numbered> {
  readonly #at = new Map<number, Item>();
  readonly #first: number;
  readonly #size: number;

  constructor(first: number, last = lastId) {
    this.#first = first;
    this.#size = last - first + 1;
  }

  get size(): number {
    return this.#at.size;
  }

  #home(item: Item): number {
    return this.#first + (item.hash % this.#size);
  }

  /** How many places lie between, going up and around. */
  #distance(from: number, to: number): number {
    return (to - from + this.#size) % this.#size;
  }

  #next(id: number): number {
    return id + 1 === this.#first + this.#size ? this.#first : id + 1;
  }

  /** Gives the item its id; returns those that had to move on. */
  add(item: Item): Item[] {
    if (this.#at.size >= this.#size) throw new RangeError(`no id is left of ${this.#size}`);
    const moved: Item[] = [];
    let looking = item;
    for (let id = this.#home(item); ; id = this.#next(id)) {
      const there = this.#at.get(id);
      if (there !== undefined && there.meaning() <= looking.meaning()) continue;
      this.#at.set(id, looking);
      looking.id = id;
      if (there === undefined) return moved;
      moved.push(there);
      looking = there;
    }
  }

  /** Frees the item's id; returns those that moved back because of it. */
  remove(item: Item): Item[] {
    const moved: Item[] = [];
    let hole = item.id;
    for (;;) {
      this.#at.delete(hole);
      const next = this.#waitingFor(hole);
      if (next === undefined) return moved;
      const left = next.id;
      this.#at.set(hole, next);
      next.id = hole;
      moved.push(next);
      hole = left;
    }
  }

  /** Of the items that passed this place on their way, the smallest. */
  #waitingFor(hole: number): Item | undefined {
    let best: Item | undefined;
    for (let id = this.#next(hole); id !== hole; id = this.#next(id)) {
      const item = this.#at.get(id);
      if (item === undefined) break;
      const home = this.#home(item);
      const passed = this.#distance(home, hole) < this.#distance(home, id);
      if (passed && (best === undefined || item.meaning() < best.meaning())) best = item;
    }
    return best;
  }
}
