/** The address lattice from nothing; see compiler/address-lattice.ts for the argument. */
import type { Prefix } from "../address.ts";
import { contains, covers, everyIPv4, hostPrefix, parsePrefix } from "../address.ts";
import type { BlockPeer } from "../network-policy.ts";
import type { PeerAtom } from "./plain-compile.ts";

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

interface Piece {
  /** Of the atom that it belongs to. */
  key: string;
  block: BlockPeer;
}

function piecesOf(atoms: readonly PeerAtom[]): Piece[] {
  return atoms.flatMap(({ key, peer }) => {
    if (peer.kind === "block") return [{ key, block: peer }];
    return peer.kind === "blocks" ? peer.blocks.map((block) => ({ key, block })) : [];
  });
}

function collect(pieces: readonly Piece[], pods: readonly PodAddress[]): LatticePrefix[] {
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
  for (const [index, { block }] of pieces.entries()) {
    const cidr = parsePrefix(block.cidr) as Prefix;
    const excepts = block.except.map((text) => parsePrefix(text) as Prefix);
    if (excepts.some((except) => contains(except, cidr))) continue;
    at(cidr).opened.push(index);
    for (const except of excepts) at(except).closed.push(index);
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
  const pieces = piecesOf(atoms);
  const entries: LatticeEntry[] = [];
  const stack: Level[] = [];
  for (const { prefix, opened, closed, own } of collect(pieces, pods)) {
    while (stack.length > 0 && !covers((stack.at(-1) as Level).prefix, prefix)) stack.pop();
    const above = stack.at(-1);
    const inherits = above !== undefined && contains(above.prefix, prefix);
    let blocks = inherits ? above.blocks : new Set<number>();
    if (opened.length > 0 || closed.length > 0) {
      const exceptions = new Set(closed);
      blocks = new Set([...blocks, ...opened].filter((index) => !exceptions.has(index)));
    }
    const held = new Set([...blocks].map((index) => (pieces[index] as Piece).key));
    const keys = [...held, ...own].sort();
    const joined = keys.join("\n");
    if (joined !== (above?.kept ?? "")) entries.push({ prefix, atoms: keys });
    stack.push({ prefix, blocks, kept: joined });
  }
  return entries;
}
