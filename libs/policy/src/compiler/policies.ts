/** The policies in force: their rules, and the groups of those that isolate by the same selector. */
import { atomPeers, namedPortKey, namedPortsOf } from "../atom.ts";
import type { Policy, Rule, Side } from "../network-policy.ts";
import { policyKey } from "../network-policy.ts";
import { selects } from "../selector.ts";
import { ruleText } from "../tier.ts";
import type { Atom } from "./atom-set.ts";
import type { Atoms } from "./atoms.ts";
import type { PolicyRecord, SelectorGroup } from "./isolation.ts";
import { groupKey, selectorGroup } from "./isolation.ts";
import type { RuleName, RulePart } from "./rule-part.ts";
import { fixedPorts, ruleName } from "./rule-part.ts";
import type { Shape, ShapeIndex } from "./shapes.ts";
import { SelectorIndex } from "./shapes.ts";

const sides = ["ingress", "egress"] as const;

/** Adds to or takes from a sorted list; true where that changed it. */
function changeSorted(list: string[], key: string, present: boolean): boolean {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  if ((list[low] === key) === present) return false;
  if (present) list.splice(low, 0, key);
  else list.splice(low, 1);
  return true;
}

export class Policies {
  readonly #records = new Map<string, PolicyRecord>();
  readonly #groups = new Map<string, SelectorGroup>();
  readonly #selectors = new SelectorIndex<SelectorGroup>();
  readonly #names = new Map<string, RuleName>();
  readonly #atoms: Atoms;
  readonly #shapes: ShapeIndex;
  #uids = 0;
  /** Of this change. */
  addedParts = new Set<RulePart>();
  deletedParts = new Set<RulePart>();
  undecidedNames = new Set<RuleName>();
  /** Shapes that other groups select than before. */
  changedShapes = new Set<Shape>();
  /** Groups whose sides, names or policies are others than before. */
  changedSides = new Set<SelectorGroup>();
  changedPorts = new Set<SelectorGroup>();
  changedTexts = new Set<SelectorGroup>();
  #leftGroups = new Set<SelectorGroup>();

  constructor(atoms: Atoms, shapes: ShapeIndex) {
    this.#atoms = atoms;
    this.#shapes = shapes;
  }

  get size(): number {
    return this.#records.size + this.#groups.size + this.#names.size;
  }

  enterShape(shape: Shape): void {
    for (const group of this.#selectors.candidates(shape.namespace, shape.labels)) {
      if (selects(group.selector, shape.labels)) this.#link(group, shape);
    }
    this.changedShapes.add(shape);
  }

  leaveShape(shape: Shape): void {
    for (const group of shape.groups) group.shapes.delete(shape);
    this.changedShapes.delete(shape);
  }

  #link(group: SelectorGroup, shape: Shape): void {
    group.shapes.add(shape);
    shape.groups.add(group);
    this.changedShapes.add(shape);
  }

  #groupOf(policy: Policy): SelectorGroup {
    const key = groupKey(policy.namespace, policy.selector);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    this.#uids += 1;
    const fresh = selectorGroup(this.#uids, key, policy);
    this.#groups.set(key, fresh);
    this.#selectors.add(fresh, fresh.namespace, fresh.selector);
    for (const shape of this.#shapes.select(fresh.namespace, fresh.selector)) {
      this.#link(fresh, shape);
    }
    return fresh;
  }

  set(policy: Policy): void {
    const key = policyKey(policy);
    const old = this.#records.get(key);
    const group = this.#groupOf(policy);
    const stays = old !== undefined && old.group === group;
    const reused = new Set<RulePart>();
    const partsOf = (side: Side): RulePart[] | null =>
      policy[side]?.map((rule, index) => {
        const written = JSON.stringify([rule.peers, rule.ports]);
        const known = stays ? old[side]?.[index] : undefined;
        if (known?.written !== written)
          return this.#part(policy, group, side, index, rule, written);
        reused.add(known);
        return known;
      }) ?? null;
    const record = { key, policy, group, ingress: partsOf("ingress"), egress: partsOf("egress") };
    if (old !== undefined) this.#leave(old, stays ? record : undefined, reused);
    this.#records.set(key, record);
    group.policies.set(key, record);
    for (const side of sides) {
      this.#isolate(group, side, key, record[side] !== null);
    }
  }

  delete(key: string): void {
    const old = this.#records.get(key);
    if (old === undefined) return;
    this.#records.delete(key);
    this.#leave(old, undefined, new Set());
  }

  /** `next`: what takes its place in the same group. */
  #leave(old: PolicyRecord, next: PolicyRecord | undefined, reused: ReadonlySet<RulePart>): void {
    for (const part of [...(old.ingress ?? []), ...(old.egress ?? [])]) {
      if (!reused.has(part)) this.#retire(part);
    }
    if (next !== undefined) return;
    old.group.policies.delete(old.key);
    this.#leftGroups.add(old.group);
    for (const side of sides) this.#isolate(old.group, side, old.key, false);
  }

  #isolate(group: SelectorGroup, side: Side, key: string, isolates: boolean): void {
    const { isolating } = group[side];
    const was = isolating.length > 0;
    if (!changeSorted(isolating, key, isolates)) return;
    this.changedTexts.add(group);
    if (was !== isolating.length > 0) this.changedSides.add(group);
  }

  #part(
    policy: Policy,
    group: SelectorGroup,
    side: Side,
    index: number,
    rule: Rule,
    written: string,
  ): RulePart {
    const { namespace, name } = policy;
    const use = (): Atom[] =>
      [...atomPeers(rule, namespace)].map(([key, peer]) => this.#atoms.use(key, peer, namespace));
    const part: RulePart = {
      policy: policyKey(policy),
      group,
      side,
      index,
      written,
      name: this.#name(ruleText({ namespace, name, side, index })),
      atoms: rule.peers === "any" ? "any" : use(),
      named: namedPortsOf(rule),
      ports: fixedPorts(rule),
      contributions: new Map(),
    };
    for (const port of part.named) {
      if (side === "egress") {
        this.#atoms.usePort(port);
        continue;
      }
      const known = group.ingress.named.get(namedPortKey(port));
      if (known === undefined) this.changedPorts.add(group);
      group.ingress.named.set(namedPortKey(port), { port, rules: (known?.rules ?? 0) + 1 });
    }
    this.addedParts.add(part);
    return part;
  }

  #retire(part: RulePart): void {
    if (!this.addedParts.delete(part)) this.deletedParts.add(part);
    part.name.holders -= 1;
    this.undecidedNames.add(part.name);
    for (const atom of part.atoms === "any" ? [] : part.atoms) this.#atoms.drop(atom);
    for (const port of part.named) {
      if (part.side === "egress") {
        this.#atoms.dropPort(port);
        continue;
      }
      const { named } = part.group.ingress;
      const left = (named.get(namedPortKey(port))?.rules ?? 1) - 1;
      if (left > 0) named.set(namedPortKey(port), { port, rules: left });
      else {
        named.delete(namedPortKey(port));
        this.changedPorts.add(part.group);
      }
    }
  }

  #name(text: string): RuleName {
    const name = this.#names.get(text) ?? ruleName(text);
    name.holders += 1;
    this.#names.set(text, name);
    this.undecidedNames.add(name);
    return name;
  }

  forgetName(name: RuleName): void {
    this.#names.delete(name.text);
  }

  /** The change is over: forgets groups without policies, and what changed. */
  settle(): void {
    for (const group of this.#leftGroups) {
      if (group.policies.size > 0 || this.#groups.get(group.key) !== group) continue;
      this.#groups.delete(group.key);
      this.#selectors.delete(group, group.namespace, group.selector);
      for (const shape of group.shapes) shape.groups.delete(group);
    }
    this.#leftGroups = new Set();
    this.addedParts = new Set();
    this.deletedParts = new Set();
    this.undecidedNames = new Set();
    this.changedShapes = new Set();
    this.changedSides = new Set();
    this.changedPorts = new Set();
    this.changedTexts = new Set();
  }
}
