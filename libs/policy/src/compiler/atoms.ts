/** The atoms in force: which peers and named ports policies mention, and what they hold for. */
import type { AtomPeer, NamedPort } from "../atom.ts";
import { namedPortKey, resolvedPorts } from "../atom.ts";
import type { ClusterPod } from "../cluster.ts";
import type { BlockPeer } from "../network-policy.ts";
import type { Labels } from "../selector.ts";
import { selects } from "../selector.ts";
import type { Atom } from "./atom-set.ts";
import type { AddressLattice } from "./address-lattice.ts";
import { hashText } from "./numbering.ts";
import type { RulePart } from "./rule-part.ts";
import type { Shape, ShapeIndex } from "./shapes.ts";
import { SelectorIndex } from "./shapes.ts";

interface PeerUse {
  atom: Atom;
  /** Peers of rules that name it. */
  uses: number;
}

/** A named port that egress rules use: it is resolved on the peer. */
interface PortUse {
  port: NamedPort;
  uses: number;
  /** By number. */
  atoms: Map<string, Atom>;
  /** Rules for any peer: they hold towards everything that has the port. */
  parts: Set<RulePart>;
}

export class Atoms {
  readonly #peers = new Map<string, PeerUse>();
  readonly #ports = new Map<string, PortUse>();
  /** Blocks of lists, each as an atom that no rule names. */
  readonly #pieces = new Map<Atom, Atom[]>();
  readonly #selectors = new SelectorIndex<Atom>();
  readonly #shapes: ShapeIndex;
  readonly #lattice: AddressLattice;
  readonly #labelsOf: (namespace: string) => Labels;
  /** Nobody names them any more, or not yet. */
  #undecided = new Set<PeerUse>();
  /** Named ports that came into use or went out of it. */
  #changedPorts = new Set<string>();
  /** Shapes that are selected by other atoms than before. */
  changedShapes = new Set<Shape>();
  #uids = 0;

  constructor(
    shapes: ShapeIndex,
    lattice: AddressLattice,
    labelsOf: (namespace: string) => Labels,
  ) {
    this.#shapes = shapes;
    this.#lattice = lattice;
    this.#labelsOf = labelsOf;
  }

  get size(): number {
    return this.#peers.size + this.#pieces.size + this.#ports.size;
  }

  #atom(key: string, peer: AtomPeer | undefined, namespace: string, list?: Atom): Atom {
    this.#uids += 1;
    return {
      uid: this.#uids,
      key,
      hash: hashText(key),
      peer,
      list,
      namespace,
      parts: new Set(),
      shapes: new Set(),
      sets: new Set(),
    };
  }

  /** The atom of a peer, used once more. */
  use(key: string, peer: AtomPeer, namespace: string): Atom {
    const known = this.#peers.get(key) ?? { atom: this.#atom(key, peer, namespace), uses: 0 };
    known.uses += 1;
    if (!this.#peers.has(key)) {
      this.#peers.set(key, known);
      this.#enter(known.atom);
    }
    return known.atom;
  }

  drop(atom: Atom): void {
    const known = this.#peers.get(atom.key) as PeerUse;
    known.uses -= 1;
    if (known.uses === 0) this.#undecided.add(known);
  }

  #enter(atom: Atom): void {
    const { peer, namespace } = atom;
    if (peer?.kind === "block") this.#lattice.addBlock(atom, peer);
    if (peer?.kind === "blocks") {
      const pieces = peer.blocks.map((block) => this.#atom("", block, "", atom));
      this.#pieces.set(atom, pieces);
      for (const piece of pieces) this.#lattice.addBlock(piece, piece.peer as BlockPeer);
    }
    if (peer?.kind !== "pods") return;
    const { namespaces, pods } = peer;
    this.#selectors.add(atom, namespaces === null ? namespace : null, pods);
    const where =
      namespaces === null
        ? [namespace]
        : [...this.#shapes.namespaces].filter((one) => selects(namespaces, this.#labelsOf(one)));
    for (const one of where) {
      for (const shape of this.#shapes.select(one, pods)) this.#link(atom, shape);
    }
  }

  #link(atom: Atom, shape: Shape): void {
    atom.shapes.add(shape);
    shape.atoms.add(atom);
    this.changedShapes.add(shape);
  }

  #unlink(atom: Atom, shape: Shape): void {
    atom.shapes.delete(shape);
    shape.atoms.delete(atom);
    this.changedShapes.add(shape);
  }

  enterShape(shape: Shape): void {
    const labels = this.#labelsOf(shape.namespace);
    for (const atom of this.#selectors.candidates(shape.namespace, shape.labels)) {
      const { peer } = atom;
      if (peer?.kind !== "pods" || !selects(peer.pods, shape.labels)) continue;
      if (peer.namespaces !== null && !selects(peer.namespaces, labels)) continue;
      this.#link(atom, shape);
    }
  }

  leaveShape(shape: Shape): void {
    for (const atom of shape.atoms) atom.shapes.delete(shape);
    this.changedShapes.delete(shape);
  }

  /** The namespace had the labels `before`. */
  relabel(namespace: string, before: Labels, after: Labels): void {
    for (const { atom } of this.#peers.values()) {
      const { peer } = atom;
      if (peer?.kind !== "pods" || peer.namespaces === null) continue;
      const held = selects(peer.namespaces, before);
      if (held === selects(peer.namespaces, after)) continue;
      for (const shape of this.#shapes.select(namespace, peer.pods)) {
        if (held) this.#unlink(atom, shape);
        else this.#link(atom, shape);
      }
    }
  }

  usePort(port: NamedPort): void {
    const key = namedPortKey(port);
    const known = this.#ports.get(key);
    if (known === undefined) {
      this.#ports.set(key, { port, uses: 1, atoms: new Map(), parts: new Set() });
      this.#changedPorts.add(key);
    } else known.uses += 1;
  }

  dropPort(port: NamedPort): void {
    const key = namedPortKey(port);
    const known = this.#ports.get(key) as PortUse;
    known.uses -= 1;
    if (known.uses === 0) this.#changedPorts.add(key);
  }

  /** Ports the pod resolves of those that egress rules name. */
  portsOf(pod: ClusterPod): Atom[] {
    const names = new Set(pod.ports.map((port) => namedPortKey(port)));
    return [...names].flatMap((key) => {
      const use = this.#ports.get(key);
      if (use === undefined) return [];
      return resolvedPorts(pod, [use.port]).map((resolved) => {
        const known = use.atoms.get(resolved) ?? this.#atom(resolved, undefined, "");
        use.atoms.set(resolved, known);
        return known;
      });
    });
  }

  partsOfPort(atom: Atom): ReadonlySet<RulePart> {
    return this.#ports.get(atom.key.slice(0, atom.key.lastIndexOf("=")))?.parts ?? new Set();
  }

  atomsOfPort(port: NamedPort): Iterable<Atom> {
    return this.#ports.get(namedPortKey(port))?.atoms.values() ?? [];
  }

  addPart(part: RulePart): void {
    if (part.atoms !== "any") for (const atom of part.atoms) atom.parts.add(part);
    else if (part.side === "egress") {
      for (const port of part.named) this.#ports.get(namedPortKey(port))?.parts.add(part);
    }
  }

  deletePart(part: RulePart): void {
    if (part.atoms !== "any") for (const atom of part.atoms) atom.parts.delete(part);
    else if (part.side === "egress") {
      for (const port of part.named) this.#ports.get(namedPortKey(port))?.parts.delete(part);
    }
  }

  /** Forgets what nobody names any more; returns the keys of ports whose use has begun or ended. */
  settle(): ReadonlySet<string> {
    for (const known of this.#undecided) {
      const { atom } = known;
      if (known.uses > 0 || this.#peers.get(atom.key) !== known) continue;
      this.#peers.delete(atom.key);
      if (atom.peer?.kind === "block") this.#lattice.deleteBlock(atom, atom.peer);
      for (const piece of this.#pieces.get(atom) ?? []) {
        this.#lattice.deleteBlock(piece, piece.peer as BlockPeer);
      }
      this.#pieces.delete(atom);
      if (atom.peer?.kind !== "pods") continue;
      const { namespaces, pods } = atom.peer;
      this.#selectors.delete(atom, namespaces === null ? atom.namespace : null, pods);
      for (const shape of atom.shapes) this.#unlink(atom, shape);
    }
    this.#undecided = new Set();
    const changed = this.#changedPorts;
    for (const key of changed) if (this.#ports.get(key)?.uses === 0) this.#ports.delete(key);
    this.#changedPorts = new Set();
    return changed;
  }

  /** Numbers of ports that no address has any more. */
  forgetPorts(): void {
    for (const { atoms } of this.#ports.values()) {
      for (const [key, atom] of atoms) if (atom.sets.size === 0) atoms.delete(key);
    }
  }
}
