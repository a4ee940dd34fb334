/**
 * Compiles change by change: what was compiled before, plus the delta, is what compiling everything
 * from nothing gives. The cost follows what changed, not the size of the cluster: what a pod, a
 * selector, a rule or a block touches is found through what they name, never by looking at all.
 */
import type { Cluster, ClusterPod } from "./cluster.ts";
import { namespaceNameLabel, podKey } from "./cluster.ts";
import { AddressLattice } from "./compiler/address-lattice.ts";
import { AtomSets } from "./compiler/atom-set.ts";
import { Atoms } from "./compiler/atoms.ts";
import { Combinations } from "./compiler/combinations.ts";
import { Endpoints } from "./compiler/endpoints.ts";
import { Identities } from "./compiler/identities.ts";
import { Policies } from "./compiler/policies.ts";
import { ReasonIds } from "./compiler/reason-ids.ts";
import { entriesOf, RuleCells } from "./compiler/rule-cells.ts";
import { ShapeIndex } from "./compiler/shapes.ts";
import type { CompiledDelta } from "./compiled-delta.ts";
import { compiledOf, tablesOf, withoutReplaced } from "./compiled-delta.ts";
import type { CompiledPolicy } from "./compiled.ts";
import type { Policy } from "./network-policy.ts";
import type { Labels } from "./selector.ts";

export interface ClusterNamespace {
  name: string;
  labels: Labels;
}

/** What is new or different, whole, and what is gone. Deletions come first; unknown ones do nothing. */
export interface CompilerChange {
  /** Deleted by `namespace/name`. */
  policies?: { set?: readonly Policy[]; deleted?: readonly string[] };
  /** Deleted by `namespace/name`. */
  pods?: { set?: readonly ClusterPod[]; deleted?: readonly string[] };
  /** Deleted by name; pods may go on to be in it, as in a namespace nobody described. */
  namespaces?: { set?: readonly ClusterNamespace[]; deleted?: readonly string[] };
}

export class PolicyCompiler {
  readonly #pods = new Map<string, ClusterPod>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #shapes = new ShapeIndex();
  readonly #sets = new AtomSets();
  readonly #identities: Identities;
  readonly #lattice: AddressLattice;
  readonly #atoms: Atoms;
  readonly #policies: Policies;
  readonly #endpoints: Endpoints;
  readonly #combinations = new Combinations();
  readonly #cells: RuleCells;
  readonly #reasons: ReasonIds;

  /** `lastId`: the highest id of a rule or identity; a test makes it small so that hashes meet. */
  constructor(lastId?: number) {
    this.#identities = new Identities(this.#sets, lastId);
    this.#lattice = new AddressLattice(this.#sets, this.#identities);
    this.#atoms = new Atoms(this.#shapes, this.#lattice, (name) => this.#labelsOf(name));
    this.#policies = new Policies(this.#atoms, this.#shapes);
    this.#endpoints = new Endpoints({
      shapes: this.#shapes,
      lattice: this.#lattice,
      sets: this.#sets,
      atoms: this.#atoms,
      policies: this.#policies,
    });
    this.#cells = new RuleCells(this.#atoms, this.#identities, this.#combinations);
    this.#reasons = new ReasonIds(lastId);
  }

  #labelsOf(namespace: string): Labels {
    return { ...this.#namespaces.get(namespace), [namespaceNameLabel]: namespace };
  }

  /** What to add to what was compiled before. It is in no order: a delta is a set. */
  apply(change: CompilerChange): CompiledDelta {
    const { policies, pods, namespaces } = change;
    for (const name of namespaces?.deleted ?? []) this.#relabel(name, undefined);
    for (const { name, labels } of namespaces?.set ?? []) this.#relabel(name, labels);
    for (const key of policies?.deleted ?? []) this.#policies.delete(key);
    for (const policy of policies?.set ?? []) this.#policies.set(policy);
    for (const key of pods?.deleted ?? []) {
      this.#pods.delete(key);
      this.#endpoints.delete(key);
    }
    for (const pod of pods?.set ?? []) {
      this.#pods.set(podKey(pod), pod);
      this.#endpoints.set(pod);
    }
    return this.#settle();
  }

  #relabel(name: string, labels: Labels | undefined): void {
    const before = this.#labelsOf(name);
    if (labels === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, labels);
    this.#atoms.relabel(name, before, this.#labelsOf(name));
  }

  /**
   * Identities first, with the rules and rule sets there were; then rules; then rule sets. So each
   * pair of a rule and an identity that is new on either side is looked at once.
   */
  #settle(): CompiledDelta {
    const policies = this.#policies;
    this.#endpoints.settleAtoms(this.#atoms.settle());
    this.#lattice.settle();
    const identities = this.#identities.settle();
    for (const one of identities.deleted) this.#cells.deleteIdentity(one);
    for (const part of policies.deletedParts) this.#cells.deletePart(part);
    for (const one of identities.created) this.#cells.addIdentity(one);
    for (const part of policies.addedParts) this.#cells.addPart(part);
    const ruleSets = this.#endpoints.settleRuleSets();
    for (const one of ruleSets.deleted) this.#cells.deleteRuleSet(one);
    for (const one of ruleSets.created) this.#cells.addRuleSet(one);
    const reasons = this.#reasons.settle(policies, ruleSets);
    for (const one of identities.moved) this.#cells.touchIdentity(one);
    if (reasons.haveMoved) {
      for (const one of this.#endpoints.ruleSets()) this.#cells.touchRuleSet(one);
    }
    const delta = {
      identities: this.#lattice.tell(identities.moved.size > 0),
      endpoints: this.#endpoints.tell(reasons.haveMoved),
      entries: this.#cells.tell(),
      rules: this.#reasons.tell(policies),
    };
    for (const one of [...identities.created, ...identities.moved]) one.told = one.id;
    policies.settle();
    this.#atoms.forgetPorts();
    if (identities.moved.size === 0 && !reasons.haveMoved && !identities.reused && !reasons.reused)
      return delta;
    // A number that passed from one to the other in this change may stand in both lists.
    return { ...delta, entries: withoutReplaced(delta.entries) };
  }

  /** All of it, in the order of `compile`; its cost is that of everything, so only for snapshots. */
  get compiled(): CompiledPolicy {
    return compiledOf(
      tablesOf({
        identities: [...this.#lattice.entries()],
        endpoints: [...this.#endpoints.entries],
        entries: [...entriesOf(this.#endpoints.ruleSets())],
        rules: [...this.#reasons.texts()],
      }),
    );
  }

  /** What it was told of the cluster; it needs to know no nodes. */
  get cluster(): Cluster {
    return {
      namespaces: Object.fromEntries(this.#namespaces),
      pods: [...this.#pods.values()],
      nodes: [],
    };
  }

  /** Things it holds on to: 0 when there are neither pods nor policies. For tests of what leaks. */
  get held(): number {
    return (
      this.#sets.size +
      this.#identities.size +
      this.#lattice.size -
      1 +
      this.#atoms.size +
      this.#policies.size +
      this.#endpoints.size +
      this.#combinations.size
    );
  }
}
