/** Pods with a network of their own: what holds for them, and the rule sets they are judged by. */
import { namedPortKey, resolvedPorts } from "../atom.ts";
import type { NamedPort } from "../atom.ts";
import type { ClusterPod } from "../cluster.ts";
import { podKey } from "../cluster.ts";
import type { EndpointEntryKey } from "../compiled-delta.ts";
import type { EndpointEntry } from "../compiled.ts";
import type { Side } from "../network-policy.ts";
import type { AddressLattice } from "./address-lattice.ts";
import type { AtomSets } from "./atom-set.ts";
import type { Atoms } from "./atoms.ts";
import type { Isolation, RuleSet } from "./isolation.ts";
import { namedPortsOfIsolation, ruleSet } from "./isolation.ts";
import type { PodRecord } from "./pods.ts";
import { addressesOf, samePod } from "./pods.ts";
import type { Policies } from "./policies.ts";
import type { Shape, ShapeIndex } from "./shapes.ts";
import { shapeKey } from "./shapes.ts";

const sides = ["ingress", "egress"] as const;

export interface EndpointParts {
  shapes: ShapeIndex;
  lattice: AddressLattice;
  sets: AtomSets;
  atoms: Atoms;
  policies: Policies;
}

export class Endpoints {
  readonly #parts: EndpointParts;
  readonly #pods = new Map<string, PodRecord>();
  readonly #shapes = new Map<string, Shape>();
  readonly #byPortName = new Map<string, Set<PodRecord>>();
  readonly #isolations = new Map<string, Isolation>();
  readonly #told = new Map<string, EndpointEntry>();
  /** Of this change. */
  #newPods = new Set<PodRecord>();
  #emptied = new Set<Shape>();
  #untold = new Set<string>();
  #undecided = new Set<RuleSet>();

  constructor(parts: EndpointParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#pods.size + this.#shapes.size + this.#byPortName.size + this.#isolations.size;
  }

  *ruleSets(): Generator<RuleSet> {
    for (const isolation of this.#isolations.values()) yield* isolation.ruleSets.values();
  }

  get entries(): Iterable<EndpointEntry> {
    return this.#told.values();
  }

  set(pod: ClusterPod): void {
    const key = podKey(pod);
    const old = this.#pods.get(key);
    if (old !== undefined && samePod(old.pod, pod)) return;
    this.delete(key);
    if (pod.hostNetwork) return;
    const shape = this.#shapeOf(pod);
    const { empty } = this.#parts.sets;
    const record: PodRecord = {
      key,
      pod,
      shape,
      addresses: addressesOf(pod),
      ports: this.#parts.sets.hold(empty),
      ingress: undefined,
      egress: undefined,
    };
    this.#pods.set(key, record);
    shape.pods.add(record);
    for (const name of new Set(pod.ports.map((port) => namedPortKey(port)))) {
      const known = this.#byPortName.get(name);
      if (known === undefined) this.#byPortName.set(name, new Set([record]));
      else known.add(record);
    }
    this.#parts.lattice.addPod(record);
    this.#newPods.add(record);
    this.#untold.add(key);
  }

  delete(key: string): void {
    const record = this.#pods.get(key);
    if (record === undefined) return;
    const { pod, shape } = record;
    this.#pods.delete(key);
    this.#newPods.delete(record);
    this.#untold.add(key);
    shape.pods.delete(record);
    if (shape.pods.size === 0) this.#emptied.add(shape);
    for (const name of new Set(pod.ports.map((port) => namedPortKey(port)))) {
      const known = this.#byPortName.get(name);
      known?.delete(record);
      if (known?.size === 0) this.#byPortName.delete(name);
    }
    this.#parts.lattice.deletePod(record);
    this.#parts.sets.release(record.ports);
    for (const side of sides) this.#assign(record, side, undefined);
  }

  #shapeOf({ namespace, labels }: ClusterPod): Shape {
    const key = shapeKey(namespace, labels);
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    const { sets, shapes, atoms, policies } = this.#parts;
    const fresh: Shape = {
      key,
      namespace,
      labels,
      pods: new Set(),
      atoms: new Set(),
      groups: new Set(),
      own: sets.hold(sets.empty),
      ingress: undefined,
      egress: undefined,
    };
    this.#shapes.set(key, fresh);
    shapes.add(fresh);
    atoms.enterShape(fresh);
    policies.enterShape(fresh);
    return fresh;
  }

  #assign(pod: PodRecord, side: Side, wanted: RuleSet | undefined): void {
    const held = pod[side];
    if (held === wanted) return;
    pod[side] = wanted;
    if (held !== undefined) {
      held.holders -= 1;
      this.#undecided.add(held);
    }
    if (wanted !== undefined) {
      wanted.holders += 1;
      this.#undecided.add(wanted);
    }
    this.#untold.add(pod.key);
  }

  /** First half: who is what. `ports`: names that egress rules begin or cease to use. */
  settleAtoms(ports: ReadonlySet<string>): void {
    const { atoms, policies, shapes, sets, lattice } = this.#parts;
    for (const shape of this.#emptied) {
      if (shape.pods.size > 0) continue;
      this.#shapes.delete(shape.key);
      shapes.delete(shape);
      atoms.leaveShape(shape);
      policies.leaveShape(shape);
      for (const side of sides) this.#isolateShape(shape, side, undefined);
      sets.release(shape.own);
    }
    this.#emptied = new Set();
    for (const shape of atoms.changedShapes) {
      const wanted = sets.of(shape.atoms);
      if (wanted === shape.own) continue;
      shape.own = sets.exchange(shape.own, wanted);
      for (const pod of shape.pods) lattice.touchPod(pod);
    }
    atoms.changedShapes = new Set();
    const pods = new Set(this.#newPods);
    for (const name of ports) for (const pod of this.#byPortName.get(name) ?? []) pods.add(pod);
    for (const pod of pods) {
      const wanted = sets.of(atoms.portsOf(pod.pod));
      if (wanted === pod.ports) continue;
      pod.ports = sets.exchange(pod.ports, wanted);
      lattice.touchPod(pod);
    }
  }

  #isolationOf(shape: Shape, side: Side): Isolation | undefined {
    const groups = [...shape.groups].filter((group) => group[side].isolating.length > 0);
    if (groups.length === 0) return undefined;
    groups.sort((a, b) => (a.key < b.key ? -1 : 1));
    const key = `${side} ${groups.map((group) => group.uid).join(",")}`;
    const known = this.#isolations.get(key);
    if (known !== undefined) return known;
    const fresh: Isolation = { key, side, groups, shapes: new Set(), ruleSets: new Map() };
    this.#isolations.set(key, fresh);
    for (const group of groups) group[side].isolations.add(fresh);
    return fresh;
  }

  #isolateShape(shape: Shape, side: Side, wanted: Isolation | undefined): boolean {
    const held = shape[side];
    if (held === wanted) return false;
    shape[side] = wanted;
    wanted?.shapes.add(shape);
    held?.shapes.delete(shape);
    if (held?.shapes.size === 0) this.#emptiedIsolations.add(held);
    return true;
  }

  #emptiedIsolations = new Set<Isolation>();

  /** Second half: who is judged by what. */
  settleRuleSets(): { created: RuleSet[]; deleted: RuleSet[] } {
    const { changedShapes, changedSides, changedPorts } = this.#parts.policies;
    const shapes = new Set(changedShapes);
    for (const group of changedSides) for (const shape of group.shapes) shapes.add(shape);
    const pods = new Set(this.#newPods);
    for (const shape of shapes) {
      for (const side of sides) {
        const wanted = this.#isolationOf(shape, side);
        if (!this.#isolateShape(shape, side, wanted)) continue;
        for (const pod of shape.pods) pods.add(pod);
      }
    }
    for (const group of changedPorts) {
      for (const { shapes: those } of group.ingress.isolations) {
        for (const shape of those) for (const pod of shape.pods) pods.add(pod);
      }
    }
    const ports = new Map<Isolation, NamedPort[]>();
    for (const pod of pods) {
      for (const side of sides) this.#assign(pod, side, this.#ruleSetOf(pod, side, ports));
    }
    this.#newPods = new Set();
    return this.#decide();
  }

  #ruleSetOf(pod: PodRecord, side: Side, ports: Map<Isolation, NamedPort[]>): RuleSet | undefined {
    const isolation = pod.shape[side];
    if (isolation === undefined) return undefined;
    const named = ports.get(isolation) ?? namedPortsOfIsolation(isolation);
    ports.set(isolation, named);
    const resolved = resolvedPorts(pod.pod, named);
    const key = resolved.join("\n");
    const known = isolation.ruleSets.get(key);
    if (known !== undefined) return known;
    const fresh = ruleSet(isolation, resolved);
    isolation.ruleSets.set(key, fresh);
    return fresh;
  }

  #decide(): { created: RuleSet[]; deleted: RuleSet[] } {
    const created: RuleSet[] = [];
    const deleted: RuleSet[] = [];
    for (const one of this.#undecided) {
      if (one.holders > 0) {
        if (one.id === 0) created.push(one);
        continue;
      }
      one.isolation.ruleSets.delete(one.resolved.join("\n"));
      if (one.id !== 0) deleted.push(one);
    }
    this.#undecided = new Set();
    for (const isolation of this.#emptiedIsolations) {
      if (isolation.shapes.size > 0) continue;
      this.#isolations.delete(isolation.key);
      for (const group of isolation.groups) group[isolation.side].isolations.delete(isolation);
    }
    this.#emptiedIsolations = new Set();
    return { created, deleted };
  }

  tell(everything: boolean): { set: EndpointEntry[]; deleted: EndpointEntryKey[] } {
    const set: EndpointEntry[] = [];
    const deleted: EndpointEntryKey[] = [];
    for (const key of everything ? [...this.#untold, ...this.#pods.keys()] : this.#untold) {
      const pod = this.#pods.get(key);
      const told = this.#told.get(key);
      if (pod === undefined) {
        if (told !== undefined) deleted.push({ namespace: told.namespace, pod: told.pod });
        this.#told.delete(key);
        continue;
      }
      const [ingress, egress] = [pod.ingress?.id ?? 0, pod.egress?.id ?? 0];
      const { namespace, name, uid = "" } = pod.pod;
      const same = told?.ingress_rule_set === ingress && told.egress_rule_set === egress;
      if (same && told.uid === uid) continue;
      const sets = { ingress_rule_set: ingress, egress_rule_set: egress };
      const entry = { namespace, pod: name, uid, ...sets };
      this.#told.set(key, entry);
      set.push(entry);
    }
    this.#untold = new Set();
    return { set, deleted };
  }
}
