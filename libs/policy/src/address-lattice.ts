/**
 * Which atoms hold for an address, as a table for longest-prefix match.
 *
 * Let P be the set of all prefixes that anything in force names: every cidr, every except, the
 * address of every pod, and all of IPv4. For an address a let p be the longest prefix of P that
 * contains a. For any q in P: q contains a if and only if q contains p. (If q contains a, then q
 * and p both contain a, so one contains the other; q is not longer than p, so q contains p. The
 * other way, q contains p and p contains a.) Whether a block holds for a depends only on which
 * prefixes of P contain a: its cidr does, and none of its excepts does. So it depends on p alone,
 * and one entry per prefix of P, carrying the atoms that hold for p itself, gives every address
 * its right set. A narrower block can neither widen nor narrow another one's meaning, because the
 * entry it adds carries all the others' verdicts for its addresses too.
 *
 * Walking the prefixes from wide to narrow, the set at p is the set at its nearest ancestor in P,
 * plus the blocks whose cidr is p, minus the blocks that have p as an except: no prefix of P lies
 * between the two, so nothing else can change there.
 *
 * Two families share one trie: ::/0 covers ::ffff:0:0/96 bit by bit but is no IPv4. Nothing is
 * inherited across that border; all of IPv4 is in P so that the border has an entry.
 *
 * An entry that says what its nearest ancestor says is left out: the match falls through to it.
 */
import type { Prefix } from "./address.ts";
import { contains, covers, everyIPv4, hostPrefix, parsePrefix } from "./address.ts";
import type { PeerAtom } from "./atom.ts";

interface LatticePrefix {
  prefix: Prefix;
  /** Blocks that begin here, and blocks that make an exception here. */
  opened: number[];
  closed: number[];
  /** What else holds for a pod's address. */
  own: readonly string[];
  /** Set where several pods claim the address: only what holds for each of them holds. */
  isPod: boolean;
}

export interface LatticeEntry {
  prefix: Prefix;
  /** Keys of the atoms that hold, sorted. Empty: the world, as far as policies can tell. */
  atoms: readonly string[];
}

export interface PodAddress {
  address: bigint;
  /** Keys of the atoms that hold for the pod, blocks aside. */
  atoms: readonly string[];
}

function prefixKey(prefix: Prefix): string {
  return `${prefix.bits}/${prefix.length}`;
}

function collect(atoms: readonly PeerAtom[], pods: readonly PodAddress[]): LatticePrefix[] {
  const found = new Map<string, LatticePrefix>();
  const at = (prefix: Prefix): LatticePrefix => {
    const key = prefixKey(prefix);
    const known = found.get(key);
    if (known !== undefined) return known;
    const fresh: LatticePrefix = { prefix, opened: [], closed: [], own: [], isPod: false };
    found.set(key, fresh);
    return fresh;
  };
  at(everyIPv4);
  for (const [index, { peer }] of atoms.entries()) {
    if (peer.kind !== "block") continue;
    const cidr = parsePrefix(peer.cidr);
    if (cidr === undefined) throw new RangeError(`${peer.cidr} is no block of addresses`);
    at(cidr).opened.push(index);
    for (const text of peer.except) {
      const except = parsePrefix(text);
      if (except === undefined) throw new RangeError(`${text} is no block of addresses`);
      at(except).closed.push(index);
    }
  }
  for (const { address, atoms: own } of pods) {
    const entry = at(hostPrefix(address));
    entry.own = entry.isPod ? entry.own.filter((key) => own.includes(key)) : own;
    entry.isPod = true;
  }
  // Ancestors before what they contain.
  return [...found.values()].sort((a, b) =>
    a.prefix.bits === b.prefix.bits
      ? a.prefix.length - b.prefix.length
      : a.prefix.bits < b.prefix.bits
        ? -1
        : 1,
  );
}

interface Level {
  prefix: Prefix;
  blocks: ReadonlySet<number>;
  /** Joined atoms of the nearest entry that was kept, for what is left out. */
  kept: string;
}

/** Entries for the identities map, without those that longest-prefix match does not need. */
export function addressLattice(
  atoms: readonly PeerAtom[],
  pods: readonly PodAddress[],
): LatticeEntry[] {
  const entries: LatticeEntry[] = [];
  const stack: Level[] = [];
  for (const { prefix, opened, closed, own } of collect(atoms, pods)) {
    while (stack.length > 0 && !covers((stack.at(-1) as Level).prefix, prefix)) stack.pop();
    const above = stack.at(-1);
    const inherits = above !== undefined && contains(above.prefix, prefix);
    let blocks = inherits ? above.blocks : new Set<number>();
    if (opened.length > 0 || closed.length > 0) {
      const exceptions = new Set(closed);
      blocks = new Set([...blocks, ...opened].filter((index) => !exceptions.has(index)));
    }
    const keys = [...[...blocks].map((index) => (atoms[index] as PeerAtom).key), ...own].sort();
    const joined = keys.join("\n");
    if (joined !== (above?.kept ?? "")) entries.push({ prefix, atoms: keys });
    stack.push({ prefix, blocks, kept: joined });
  }
  return entries;
}
