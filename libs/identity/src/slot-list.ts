/** Where a list begins and ends; 0: it is empty. */
export interface ListEnds {
  first: number;
  last: number;
  size: number;
}

export function emptyList(): ListEnds {
  return { first: 0, last: 0, size: 0 };
}

/** Doubly linked lists of numbered slots, 1 to `slots`; each slot is in one of them or in none. */
export class SlotLists {
  readonly #before: Int32Array;
  readonly #after: Int32Array;

  constructor(slots: number) {
    this.#before = new Int32Array(slots + 1);
    this.#after = new Int32Array(slots + 1);
  }

  addFirst(ends: ListEnds, slot: number): void {
    this.#before[slot] = 0;
    this.#after[slot] = ends.first;
    if (ends.first === 0) ends.last = slot;
    else this.#before[ends.first] = slot;
    ends.first = slot;
    ends.size++;
  }

  remove(ends: ListEnds, slot: number): void {
    const before = this.#before[slot] as number;
    const after = this.#after[slot] as number;
    if (before === 0) ends.first = after;
    else this.#after[before] = after;
    if (after === 0) ends.last = before;
    else this.#before[after] = before;
    ends.size--;
  }

  moveFirst(ends: ListEnds, slot: number): void {
    if (ends.first === slot) return;
    this.remove(ends, slot);
    this.addFirst(ends, slot);
  }
}
