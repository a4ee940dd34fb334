/**
 * A cell is what one rule set says about one identity. Each rule contributes to a cell or does not,
 * by what the two are and nothing else, so that a change of rules touches the cells of the
 * identities they name, a new identity the cells of the rules that name it, and nothing else moves.
 */
import type { RuleEntryKey } from "../compiled-delta.ts";
import type { RuleEntry } from "../compiled.ts";
import type { Atoms } from "./atoms.ts";
import type { Combination, Combinations } from "./combinations.ts";
import { allowed } from "./combinations.ts";
import type { Identities, Identity } from "./identities.ts";
import type { RuleSet } from "./isolation.ts";
import type { Contribution, RuleName, RulePart } from "./rule-part.ts";
import { contributionOf, unpackPort } from "./rule-part.ts";

interface TouchedCell {
  before: Combination | undefined;
  contributions: Contribution[];
}

type Change = { set: RuleEntry[]; deleted: RuleEntryKey[] };

export class RuleCells {
  readonly #atoms: Atoms;
  readonly #identities: Identities;
  readonly #combinations: Combinations;
  #touched = new Map<RuleSet, Map<Identity, TouchedCell>>();

  constructor(atoms: Atoms, identities: Identities, combinations: Combinations) {
    this.#atoms = atoms;
    this.#identities = identities;
    this.#combinations = combinations;
  }

  #touch(ruleSet: RuleSet, identity: Identity): TouchedCell {
    let cells = this.#touched.get(ruleSet);
    if (cells === undefined) {
      cells = new Map();
      this.#touched.set(ruleSet, cells);
    }
    const known = cells.get(identity);
    if (known !== undefined) return known;
    const before = ruleSet.cells.get(identity);
    const fresh = { before, contributions: before === undefined ? [] : [...before.contributions] };
    cells.set(identity, fresh);
    return fresh;
  }

  #contribution(part: RulePart, ruleSet: RuleSet, identity: Identity): Contribution | undefined {
    if (part.side === "ingress") return contributionOf(part, true, ruleSet.resolved);
    const isAny = identity === this.#identities.none;
    const resolved = isAny ? [] : identity.ports.atoms.map((atom) => atom.key);
    return contributionOf(part, isAny || part.atoms !== "any", resolved);
  }

  #identitiesOf(part: RulePart): ReadonlySet<Identity> {
    const found = new Set<Identity>();
    if (part.atoms === "any") found.add(this.#identities.none);
    const ports = part.side === "egress" ? part.named : [];
    const atoms =
      part.atoms === "any" ? ports.flatMap((one) => [...this.#atoms.atomsOfPort(one)]) : part.atoms;
    for (const atom of atoms) {
      for (const set of atom.sets) for (const identity of set.identities) found.add(identity);
    }
    return found;
  }

  #partsOf(identity: Identity): ReadonlySet<RulePart> {
    const found = new Set<RulePart>();
    for (const set of [identity.blocks, identity.own]) {
      for (const atom of set.atoms) for (const part of atom.parts) found.add(part);
    }
    for (const atom of identity.ports.atoms) {
      for (const part of this.#atoms.partsOfPort(atom)) found.add(part);
    }
    return found;
  }

  *#ruleSetsOf(part: RulePart): Generator<RuleSet> {
    for (const isolation of part.group[part.side].isolations) yield* isolation.ruleSets.values();
  }

  #add(part: RulePart, ruleSet: RuleSet, identity: Identity): void {
    const contribution = this.#contribution(part, ruleSet, identity);
    if (contribution !== undefined) this.#touch(ruleSet, identity).contributions.push(contribution);
  }

  #addEverywhere(part: RulePart, ruleSets: Iterable<RuleSet>): void {
    const identities = this.#identitiesOf(part);
    for (const ruleSet of ruleSets) {
      for (const identity of identities) this.#add(part, ruleSet, identity);
    }
  }

  /** The rule has come into force for the rule sets there are. */
  addPart(part: RulePart): void {
    this.#atoms.addPart(part);
    this.#addEverywhere(part, this.#ruleSetsOf(part));
  }

  deletePart(part: RulePart): void {
    this.#atoms.deletePart(part);
    const identities = this.#identitiesOf(part);
    for (const ruleSet of this.#ruleSetsOf(part)) {
      for (const identity of identities) {
        if (!ruleSet.cells.has(identity)) continue;
        const cell = this.#touch(ruleSet, identity);
        cell.contributions = cell.contributions.filter((one) => one.part !== part);
      }
    }
  }

  addIdentity(identity: Identity): void {
    for (const part of this.#partsOf(identity)) {
      for (const ruleSet of this.#ruleSetsOf(part)) this.#add(part, ruleSet, identity);
    }
  }

  deleteIdentity(identity: Identity): void {
    for (const ruleSet of identity.ruleSets) this.#touch(ruleSet, identity).contributions = [];
  }

  addRuleSet(ruleSet: RuleSet): void {
    const { groups, side } = ruleSet.isolation;
    for (const group of groups) {
      for (const policy of group.policies.values()) {
        for (const part of policy[side] ?? []) this.#addEverywhere(part, [ruleSet]);
      }
    }
  }

  deleteRuleSet(ruleSet: RuleSet): void {
    for (const identity of ruleSet.cells.keys()) this.#touch(ruleSet, identity);
    for (const cell of this.#touched.get(ruleSet)?.values() ?? []) cell.contributions = [];
  }

  /** Its number or that of something it names has moved: what it says must be told anew. */
  touchRuleSet(ruleSet: RuleSet): void {
    for (const identity of ruleSet.cells.keys()) this.#touch(ruleSet, identity);
  }

  touchIdentity(identity: Identity): void {
    for (const ruleSet of identity.ruleSets) this.#touch(ruleSet, identity);
  }

  /** Entries that changed. To be asked after everything has its number, before it counts as told. */
  tell(): Change {
    const change: Change = { set: [], deleted: [] };
    for (const [ruleSet, cells] of this.#touched) {
      for (const [identity, { before, contributions }] of cells) {
        const after = this.#combinations.hold(contributions);
        if (after === undefined) {
          ruleSet.cells.delete(identity);
          identity.ruleSets.delete(ruleSet);
        } else if (after !== before) {
          ruleSet.cells.set(identity, after);
          identity.ruleSets.add(ruleSet);
        }
        tellCell(ruleSet, identity, before, after, change);
        this.#combinations.release(before);
      }
    }
    this.#touched = new Map();
    return change;
  }
}

function tellCell(
  ruleSet: RuleSet,
  identity: Identity,
  before: Combination | undefined,
  after: Combination | undefined,
  change: Change,
): void {
  const stays = ruleSet.id === ruleSet.told && identity.id === identity.told;
  const old = new Map<number, RuleName>(before === undefined ? [] : allowed(before));
  if (after !== undefined) {
    const place = { rule_set: ruleSet.id, identity: identity.id };
    for (const [port, name] of allowed(after)) {
      const was = old.get(port);
      if (stays) old.delete(port);
      if (stays && was !== undefined && was.told === name.id) continue;
      change.set.push({ ...place, ...unpackPort(port), rule: name.id });
    }
  }
  const place = { rule_set: ruleSet.told, identity: identity.told };
  for (const port of old.keys()) change.deleted.push({ ...place, ...unpackPort(port) });
}

/** All entries, as they were told. */
export function* entriesOf(ruleSets: Iterable<RuleSet>): Generator<RuleEntry> {
  for (const ruleSet of ruleSets) {
    for (const [identity, combination] of ruleSet.cells) {
      for (const [port, name] of allowed(combination)) {
        const place = { rule_set: ruleSet.id, identity: identity.id };
        yield { ...place, ...unpackPort(port), rule: name.id };
      }
    }
  }
}
