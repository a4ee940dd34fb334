/** Sets of atoms, each there once: two sets are equal when they are the same object. */
import type { AtomPeer } from "../atom.ts";
import type { Identity } from "./identities.ts";
import type { RulePart } from "./rule-part.ts";
import type { Shape } from "./shapes.ts";

/** One atom in force: see atom.ts. Objects of this type are equal when they are the same. */
export interface Atom {
  readonly uid: number;
  readonly key: string;
  readonly hash: number;
  /** Undefined for a resolved port. */
  readonly peer: AtomPeer | undefined;
  /** The list whose block it is; undefined for an atom in its own right. */
  readonly list: Atom | undefined;
  /** Of the policy, which a peer without namespaceSelector means. */
  readonly namespace: string;
  /** Rules that name it as a peer. */
  readonly parts: Set<RulePart>;
  /** Shapes it selects; none for blocks and ports. */
  readonly shapes: Set<Shape>;
  readonly sets: Set<AtomSet>;
}

export interface AtomSet {
  readonly uid: number;
  readonly key: string;
  /** By uid. */
  readonly atoms: readonly Atom[];
  /** Sum of the atoms' hashes. */
  readonly sum: number;
  readonly identities: Set<Identity>;
  holders: number;
}

/** A set lives while somebody holds it; who takes one from here holds it at once or forgets it. */
export class AtomSets {
  readonly #known = new Map<string, AtomSet>();
  #uids = 0;
  readonly empty: AtomSet = {
    uid: 0,
    key: "",
    atoms: [],
    sum: 0,
    identities: new Set(),
    holders: 1,
  };

  get size(): number {
    return this.#known.size;
  }

  of(atoms: Iterable<Atom>): AtomSet {
    const sorted = [...atoms].sort((a, b) => a.uid - b.uid);
    if (sorted.length === 0) return this.empty;
    const key = sorted.map((atom) => atom.uid).join(",");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#uids += 1;
    const sum = sorted.reduce((total, atom) => (total + atom.hash) >>> 0, 0);
    const identities = new Set<Identity>();
    return { uid: this.#uids, key, atoms: sorted, sum, identities, holders: 0 };
  }

  hold(set: AtomSet): AtomSet {
    set.holders += 1;
    if (set.holders > 1 || set === this.empty) return set;
    this.#known.set(set.key, set);
    for (const atom of set.atoms) atom.sets.add(set);
    return set;
  }

  release(set: AtomSet): void {
    set.holders -= 1;
    if (set.holders > 0 || set === this.empty) return;
    this.#known.delete(set.key);
    for (const atom of set.atoms) atom.sets.delete(set);
  }

  /** What a holder of `held` holds from now on. */
  exchange(held: AtomSet, wanted: AtomSet): AtomSet {
    if (held === wanted) return held;
    this.hold(wanted);
    this.release(held);
    return wanted;
  }
}

/** Atoms that are in each of the sets. */
export function common(sets: readonly AtomSet[]): readonly Atom[] {
  const [first, ...others] = sets;
  if (first === undefined) return [];
  if (others.every((one) => one === first)) return first.atoms;
  return first.atoms.filter((atom) => others.every((one) => one.atoms.includes(atom)));
}
