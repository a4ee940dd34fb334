import type { NamedPort } from "../atom.ts";
import type { Policy, Side } from "../network-policy.ts";
import type { Selector } from "../selector.ts";
import { selectorKey } from "../selector.ts";
import { defaultDenyText } from "../tier.ts";
import type { Identity } from "./identities.ts";
import type { Combination } from "./combinations.ts";
import type { Numbered } from "./numbering.ts";
import { hashOfSum, hashText } from "./numbering.ts";
import type { RulePart } from "./rule-part.ts";
import type { Shape } from "./shapes.ts";

/** What the compiler keeps of a policy. */
export interface PolicyRecord {
  readonly key: string;
  readonly policy: Policy;
  readonly group: SelectorGroup;
  /** null: it does not isolate this side. */
  readonly ingress: readonly RulePart[] | null;
  readonly egress: readonly RulePart[] | null;
}

/** Policies of one namespace that isolate by the same selector. */
export interface SelectorGroup {
  readonly uid: number;
  readonly key: string;
  readonly hash: number;
  readonly namespace: string;
  readonly selector: Selector;
  readonly shapes: Set<Shape>;
  readonly policies: Map<string, PolicyRecord>;
  readonly ingress: GroupSide;
  readonly egress: GroupSide;
}

export interface GroupSide {
  /** Keys of the policies that isolate this side, sorted. */
  readonly isolating: string[];
  /** Named ports of its rules by key, with how many rules use them; ingress only. */
  readonly named: Map<string, { port: NamedPort; rules: number }>;
  readonly isolations: Set<Isolation>;
}

export function groupKey(namespace: string, selector: Selector): string {
  return `${namespace} ${selectorKey(selector)}`;
}

export function selectorGroup(uid: number, key: string, policy: Policy): SelectorGroup {
  const side = (): GroupSide => ({ isolating: [], named: new Map(), isolations: new Set() });
  return {
    uid,
    key,
    hash: hashText(key),
    namespace: policy.namespace,
    selector: policy.selector,
    shapes: new Set(),
    policies: new Map(),
    ingress: side(),
    egress: side(),
  };
}

/** Groups that together isolate one side of some shapes. */
export interface Isolation {
  readonly key: string;
  readonly side: Side;
  /** By key; each has a policy that isolates this side. */
  readonly groups: readonly SelectorGroup[];
  readonly shapes: Set<Shape>;
  /** By resolved ports. */
  readonly ruleSets: Map<string, RuleSet>;
}

/** Endpoints of one isolation that resolve the ports its rules name to the same numbers. */
export interface RuleSet extends Numbered {
  readonly isolation: Isolation;
  readonly resolved: readonly string[];
  readonly cells: Map<Identity, Combination>;
  /** Endpoints. */
  holders: number;
  told: number;
}

/** The same for equal sets of selectors, whatever the policies that use them are called. */
export function ruleSetMeaning(
  side: Side,
  groups: readonly string[],
  resolved: readonly string[],
): string {
  return ["rule set", side, ...groups, ...resolved].join("\n");
}

export function ruleSetHash(side: Side, groups: readonly number[], resolved: readonly string[]) {
  const own = hashText([side, ...resolved].join("\n"));
  return hashOfSum(groups.reduce((sum, hash) => (sum + hash) >>> 0, own));
}

export function ruleSet(isolation: Isolation, resolved: readonly string[]): RuleSet {
  const { side, groups } = isolation;
  return {
    isolation,
    resolved,
    cells: new Map(),
    hash: ruleSetHash(
      side,
      groups.map((group) => group.hash),
      resolved,
    ),
    meaning: () =>
      ruleSetMeaning(
        side,
        groups.map((group) => group.key),
        resolved,
      ),
    id: 0,
    holders: 0,
    told: 0,
  };
}

/** Names of the ports that ingress rules use, sorted: an endpoint resolves them on itself. */
export function namedPortsOfIsolation({ side, groups }: Isolation): NamedPort[] {
  if (side === "egress") return [];
  const all = new Map(groups.flatMap((group) => [...group.ingress.named]));
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { port }]) => port);
}

export function denyText({ side, groups }: Isolation): string {
  const [only] = groups;
  const isolating =
    groups.length === 1
      ? (only as SelectorGroup)[side].isolating
      : groups.flatMap((group) => group[side].isolating).sort();
  return defaultDenyText(side, isolating);
}
