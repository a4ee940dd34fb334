import { firstIdentity, worldIdentity } from "../compiled.ts";
import type { AtomSet, AtomSets } from "./atom-set.ts";
import type { Numbered } from "./numbering.ts";
import { hashOfSum, IdSpace } from "./numbering.ts";
import type { RuleSet } from "./isolation.ts";

/** The atoms that hold for some address: blocks, what selects its pods, ports its pods name. */
export interface Identity extends Numbered {
  readonly blocks: AtomSet;
  readonly own: AtomSet;
  readonly ports: AtomSet;
  /** Rule sets that have an entry for it. */
  readonly ruleSets: Set<RuleSet>;
  /** Prefixes that carry it. */
  holders: number;
  /** 0 before it was told to anybody. */
  told: number;
}

/** Sorted keys of the atoms: what an identity stands for. */
export function identityMeaning(keys: readonly string[]): string {
  return [...keys].sort().join("\n");
}

/**
 * Identities in use. What comes and goes is settled once per change, so that one that goes and
 * comes back within it never went.
 */
export class Identities {
  readonly #known = new Map<string, Identity>();
  readonly #space: IdSpace<Identity>;
  readonly #sets: AtomSets;
  #undecided = new Set<Identity>();
  /** Stands for any peer in entries, and for the world among addresses. */
  readonly none: Identity;

  constructor(sets: AtomSets, lastIdentity?: number) {
    this.#sets = sets;
    this.#space = new IdSpace(firstIdentity, lastIdentity);
    const { empty } = sets;
    this.none = {
      blocks: empty,
      own: empty,
      ports: empty,
      hash: 0,
      id: worldIdentity,
      told: worldIdentity,
      holders: Infinity,
      ruleSets: new Set(),
      meaning: () => "",
    };
  }

  get size(): number {
    return this.#known.size;
  }

  of(blocks: AtomSet, own: AtomSet, ports: AtomSet): Identity {
    const { empty } = this.#sets;
    if (blocks === empty && own === empty && ports === empty) return this.none;
    const key = `${blocks.uid},${own.uid},${ports.uid}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const all = [blocks, own, ports];
    const fresh: Identity = {
      blocks,
      own,
      ports,
      hash: hashOfSum(all.reduce((sum, set) => sum + set.sum, 0)),
      id: 0,
      told: 0,
      holders: 0,
      ruleSets: new Set(),
      meaning: () => identityMeaning(all.flatMap((set) => set.atoms.map((atom) => atom.key))),
    };
    this.#known.set(key, fresh);
    for (const set of all) this.#sets.hold(set);
    this.#undecided.add(fresh);
    return fresh;
  }

  exchange(held: Identity, wanted: Identity): Identity {
    if (held === wanted) return held;
    wanted.holders += 1;
    held.holders -= 1;
    if (held.holders === 0) this.#undecided.add(held);
    return wanted;
  }

  /** Who is new, who is gone (it keeps its number for the telling) and whose number moved. */
  settle(): { created: Identity[]; deleted: Identity[]; moved: Set<Identity>; reused: boolean } {
    const created: Identity[] = [];
    const deleted: Identity[] = [];
    const moved = new Set<Identity>();
    for (const one of this.#undecided) {
      if (one.holders > 0 && one.id === 0) created.push(one);
      if (one.holders > 0) continue;
      this.#known.delete(`${one.blocks.uid},${one.own.uid},${one.ports.uid}`);
      for (const set of [one.blocks, one.own, one.ports]) {
        set.identities.delete(one);
        this.#sets.release(set);
      }
      if (one.id !== 0) deleted.push(one);
    }
    this.#undecided = new Set();
    for (const one of deleted) for (const other of this.#space.remove(one)) moved.add(other);
    for (const one of created) {
      for (const other of this.#space.add(one)) moved.add(other);
      for (const set of [one.blocks, one.own, one.ports]) set.identities.add(one);
    }
    const freed = new Set([...deleted, ...moved].map((one) => one.told));
    return { created, deleted, moved, reused: created.some((one) => freed.has(one.id)) };
  }
}
