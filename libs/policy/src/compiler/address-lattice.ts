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
 *
 * A list of blocks is one atom, which holds where any of its blocks does. So the walk keeps the
 * blocks themselves, and only then asks which atoms they are of: an except of one block of a list
 * takes nothing from another block of the same list, nor from any other rule.
 *
 * A change of what is said at some prefixes can only change what holds within them, because what
 * holds at p depends on p's ancestors alone; and a prefix that comes or goes changes nobody's
 * nearest ancestor outside its own range. So only those ranges are walked again.
 */
import type { Prefix } from "../address.ts";
import { addressBytes, contains, everyIPv4, hostPrefix, parsePrefix } from "../address.ts";
import type { IdentityEntryKey } from "../compiled-delta.ts";
import type { IdentityEntry } from "../compiled.ts";
import type { BlockPeer } from "../network-policy.ts";
import type { Atom, AtomSet, AtomSets } from "./atom-set.ts";
import { common } from "./atom-set.ts";
import type { Identities, Identity } from "./identities.ts";
import type { PodRecord } from "./pods.ts";
import type { Placed } from "./prefix-table.ts";
import { coversPlace, placeOf, PrefixTable } from "./prefix-table.ts";

interface LatticeNode extends Placed {
  readonly prefix: Prefix;
  /** Blocks that begin here, and blocks that make an exception here. */
  readonly opened: Set<Atom>;
  readonly closed: Set<Atom>;
  /** Pods that have the address; where several do, only what holds for each of them holds. */
  readonly pods: Set<PodRecord>;
  /** Nearest that covers it, of either family. */
  parent: LatticeNode | undefined;
  /** Blocks that hold here, those of lists one by one; and the atoms that makes. */
  pieces: AtomSet;
  blocks: AtomSet;
  own: AtomSet;
  ports: AtomSet;
  identity: Identity;
  isPlaced: boolean;
  /** Number that was told for it; undefined where it needs no entry. */
  told: number | undefined;
}

/** undefined: an exception as wide as the block leaves nothing of it. */
function prefixesOf({ cidr, except }: BlockPeer): { cidr: Prefix; excepts: Prefix[] } | undefined {
  const [outer, ...excepts] = [cidr, ...except].map((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new RangeError(`${text} is no block of addresses`);
    return prefix;
  });
  if (outer === undefined || excepts.some((one) => contains(one, outer))) return undefined;
  return { cidr: outer, excepts };
}

export class AddressLattice {
  readonly #sets: AtomSets;
  readonly #identities: Identities;
  readonly #nodes = new Map<string, LatticeNode>();
  readonly #table = new PrefixTable<LatticeNode>();
  /** Whose own content has changed. */
  #dirty = new Set<LatticeNode>();
  /** Whose entry may have changed. */
  #untold = new Set<LatticeNode>();

  constructor(sets: AtomSets, identities: Identities) {
    this.#sets = sets;
    this.#identities = identities;
    this.#at(everyIPv4);
  }

  get size(): number {
    return this.#nodes.size;
  }

  #at(prefix: Prefix): LatticeNode {
    const place = placeOf(prefix);
    const known = this.#nodes.get(place.key);
    const node = known ?? {
      ...place,
      prefix,
      opened: new Set(),
      closed: new Set(),
      pods: new Set(),
      parent: undefined,
      pieces: this.#sets.empty,
      blocks: this.#sets.empty,
      own: this.#sets.empty,
      ports: this.#sets.empty,
      identity: this.#identities.none,
      isPlaced: false,
      told: undefined,
    };
    if (known === undefined) this.#nodes.set(place.key, node);
    this.#dirty.add(node);
    return node;
  }

  addBlock(atom: Atom, block: BlockPeer): void {
    const prefixes = prefixesOf(block);
    if (prefixes === undefined) return;
    this.#at(prefixes.cidr).opened.add(atom);
    for (const except of prefixes.excepts) this.#at(except).closed.add(atom);
  }

  deleteBlock(atom: Atom, block: BlockPeer): void {
    const prefixes = prefixesOf(block);
    if (prefixes === undefined) return;
    this.#at(prefixes.cidr).opened.delete(atom);
    for (const except of prefixes.excepts) this.#at(except).closed.delete(atom);
  }

  addPod(pod: PodRecord): void {
    for (const address of pod.addresses) this.#at(hostPrefix(address)).pods.add(pod);
  }

  deletePod(pod: PodRecord): void {
    for (const address of pod.addresses) this.#at(hostPrefix(address)).pods.delete(pod);
  }

  /** What holds for the pod has changed. */
  touchPod(pod: PodRecord): void {
    for (const address of pod.addresses) this.#at(hostPrefix(address));
  }

  /** Brings every prefix that a change can have reached to what holds for it now. */
  settle(): void {
    const added: LatticeNode[] = [];
    const removed = new Set<LatticeNode>();
    for (const node of this.#dirty) {
      const isEmpty = node.opened.size + node.closed.size + node.pods.size === 0;
      if (isEmpty && node.prefix !== everyIPv4) {
        this.#nodes.delete(node.key);
        this.#carry(node, this.#sets.empty, this.#sets.empty, this.#sets.empty);
        node.parent = undefined;
        if (node.isPlaced) removed.add(node);
        if (node.told !== undefined) this.#untold.add(node);
      } else if (!node.isPlaced) added.push(node);
      node.isPlaced = this.#nodes.get(node.key) === node;
    }
    this.#table.change(added, removed);
    let done: Placed | undefined;
    for (const node of [...this.#dirty].sort((a, b) => (a.key < b.key ? -1 : 1))) {
      if (done !== undefined && coversPlace(done, node)) continue;
      this.#settleWithin(node);
      done = node;
    }
    this.#dirty = new Set();
  }

  /** Everything in the range of a prefix, from wide to narrow; the rest cannot have changed. */
  #settleWithin(range: Placed): void {
    const start = this.#table.indexOf(range.key);
    let above = this.#table.at(start - 1);
    for (let index = start; ; index += 1) {
      const node = this.#table.at(index);
      if (node === undefined || node.first > range.last) return;
      while (above !== undefined && !coversPlace(above, node)) above = above.parent;
      node.parent = above;
      this.#settleNode(node);
      above = node;
    }
  }

  #settleNode(node: LatticeNode): void {
    const { parent, opened, closed, pods } = node;
    const inherits = parent !== undefined && contains(parent.prefix, node.prefix);
    let pieces = inherits ? parent.pieces : this.#sets.empty;
    if (opened.size + closed.size > 0) {
      const here = new Set([...pieces.atoms, ...opened]);
      for (const atom of closed) here.delete(atom);
      pieces = this.#sets.of(here);
    }
    const [own, ports] = this.#ofPods(pods);
    this.#carry(node, pieces, own, ports);
    if (this.#wanted(node) !== node.told) this.#untold.add(node);
  }

  #ofPods(pods: ReadonlySet<PodRecord>): [AtomSet, AtomSet] {
    if (pods.size === 0) return [this.#sets.empty, this.#sets.empty];
    if (pods.size === 1) {
      for (const pod of pods) return [pod.shape.own, pod.ports];
    }
    const all = [...pods];
    return [
      this.#sets.of(common(all.map((pod) => pod.shape.own))),
      this.#sets.of(common(all.map((pod) => pod.ports))),
    ];
  }

  #carry(node: LatticeNode, pieces: AtomSet, own: AtomSet, ports: AtomSet): void {
    if (node.pieces === pieces && node.own === own && node.ports === ports) return;
    if (node.pieces !== pieces) {
      const atoms = new Set(pieces.atoms.map((atom) => atom.list ?? atom));
      node.pieces = this.#sets.exchange(node.pieces, pieces);
      node.blocks = this.#sets.exchange(node.blocks, this.#sets.of(atoms));
    }
    const { blocks } = node;
    node.own = this.#sets.exchange(node.own, own);
    node.ports = this.#sets.exchange(node.ports, ports);
    const identity = this.#identities.of(blocks, own, ports);
    node.identity = this.#identities.exchange(node.identity, identity);
  }

  /** Number its entry should have; 0 for an identity that has none yet, which nobody was told. */
  #wanted(node: LatticeNode): number | undefined {
    if (!node.isPlaced) return undefined;
    const { identity, parent } = node;
    const isSame = identity === (parent?.identity ?? this.#identities.none);
    if (isSame) return undefined;
    return identity === this.#identities.none || identity.id !== 0 ? identity.id : -1;
  }

  /** Entries that changed since the last telling. `everything`: numbers have moved. */
  tell(everything: boolean): { set: IdentityEntry[]; deleted: IdentityEntryKey[] } {
    const set: IdentityEntry[] = [];
    const deleted: IdentityEntryKey[] = [];
    if (everything) for (const node of this.#nodes.values()) this.#untold.add(node);
    for (const node of this.#untold) {
      const wanted = this.#wanted(node);
      if (wanted === node.told) continue;
      const key = { addr: addressBytes(node.prefix.bits), prefix_bits: node.prefix.length };
      if (wanted === undefined) deleted.push(key);
      else set.push({ ...key, identity: wanted });
      node.told = wanted;
    }
    this.#untold = new Set();
    return { set, deleted };
  }

  *entries(): Generator<IdentityEntry> {
    for (const { prefix, told } of this.#nodes.values()) {
      if (told === undefined) continue;
      yield { addr: addressBytes(prefix.bits), prefix_bits: prefix.length, identity: told };
    }
  }
}
