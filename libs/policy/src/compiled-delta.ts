/** What changes between two compilations, and the keyed form that takes such changes. */
import type {
  CompiledPolicy,
  EndpointEntry,
  IdentityEntry,
  RuleEntry,
  RuleText,
} from "./compiled.ts";

export type IdentityEntryKey = Omit<IdentityEntry, "identity">;
export type EndpointEntryKey = Pick<EndpointEntry, "namespace" | "pod">;
export type RuleEntryKey = Omit<RuleEntry, "rule">;

/**
 * `deleted` names keys that were there and are gone; `set` holds entries that are new or have
 * another value under their key. No key occurs in both.
 */
export interface CompiledDelta {
  identities: { set: IdentityEntry[]; deleted: IdentityEntryKey[] };
  endpoints: { set: EndpointEntry[]; deleted: EndpointEntryKey[] };
  entries: { set: RuleEntry[]; deleted: RuleEntryKey[] };
  rules: { set: RuleText[]; deleted: number[] };
}

export function isEmptyDelta(delta: CompiledDelta): boolean {
  return [delta.identities, delta.endpoints, delta.entries, delta.rules].every(
    ({ set, deleted }) => set.length === 0 && deleted.length === 0,
  );
}

/** Everything that is in force, found by the keys that deltas name. */
export interface CompiledTables {
  identities: Map<string, IdentityEntry>;
  endpoints: Map<string, EndpointEntry>;
  entries: Map<string, RuleEntry>;
  rules: Map<number, RuleText>;
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function identityKey({ addr, prefix_bits }: IdentityEntryKey): string {
  let text = "";
  for (const byte of addr) text += hex[byte];
  return `${text}/${prefix_bits}`;
}

function endpointKey({ namespace, pod }: EndpointEntryKey): string {
  return `${namespace}/${pod}`;
}

function entryKey({ rule_set, identity, prefix_bits, protocol, port }: RuleEntryKey): string {
  return `${rule_set}/${identity}/${protocol}/${port}/${prefix_bits}`;
}

/** The keyed form; `compiled` stays as it is. */
export function tablesOf(compiled: CompiledPolicy): CompiledTables {
  return {
    identities: new Map(compiled.identities.map((one) => [identityKey(one), one])),
    endpoints: new Map(compiled.endpoints.map((one) => [endpointKey(one), one])),
    entries: new Map(compiled.entries.map((one) => [entryKey(one), one])),
    rules: new Map(compiled.rules.map((one) => [one.rule, one])),
  };
}

function applyTo<Key, Entry, EntryKey>(
  table: Map<Key, Entry>,
  change: { set: Entry[]; deleted: EntryKey[] },
  keyOf: (entry: Entry | EntryKey) => Key,
): void {
  for (const one of change.deleted) table.delete(keyOf(one));
  for (const one of change.set) table.set(keyOf(one), one);
}

/** Changes `tables` in place. The caller has made sure that the delta follows on what they hold. */
export function applyDelta(tables: CompiledTables, delta: CompiledDelta): void {
  applyTo(tables.identities, delta.identities, identityKey);
  applyTo(tables.endpoints, delta.endpoints, endpointKey);
  applyTo(tables.entries, delta.entries, entryKey);
  applyTo(tables.rules, delta.rules, (one) => (typeof one === "number" ? one : one.rule));
}

function sortedByKey<Entry>(table: Map<string, Entry>): Entry[] {
  return [...table].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

/** Without deletions of keys that are set as well. */
export function withoutReplaced(entries: CompiledDelta["entries"]): CompiledDelta["entries"] {
  const set = new Set(entries.set.map((one) => entryKey(one)));
  return { set: entries.set, deleted: entries.deleted.filter((one) => !set.has(entryKey(one))) };
}

/** In the order of `compile`, so that equal tables are equal to the letter. */
export function compiledOf(tables: CompiledTables): CompiledPolicy {
  return {
    identities: [...tables.identities]
      .sort(([a], [b]) => compareIdentityKeys(a, b))
      .map(([, entry]) => entry),
    endpoints: sortedByKey(tables.endpoints),
    entries: [...tables.entries.values()].sort(compareEntries),
    rules: [...tables.rules.values()].sort((a, b) => a.rule - b.rule),
  };
}

/** By address, then wide before narrow. */
function compareIdentityKeys(a: string, b: string): number {
  const [addressA, addressB] = [a.slice(0, 32), b.slice(0, 32)];
  if (addressA !== addressB) return addressA < addressB ? -1 : 1;
  return Number(a.slice(33)) - Number(b.slice(33));
}

export function compareEntries(a: RuleEntry, b: RuleEntry): number {
  return (
    a.rule_set - b.rule_set ||
    a.identity - b.identity ||
    a.protocol - b.protocol ||
    a.port - b.port ||
    a.prefix_bits - b.prefix_bits
  );
}

function diffTable<Key, Entry, EntryKey>(
  before: Map<Key, Entry>,
  after: Map<Key, Entry>,
  same: (a: Entry, b: Entry) => boolean,
  keyOf: (entry: Entry) => EntryKey,
): { set: Entry[]; deleted: EntryKey[] } {
  const set = [...after].filter(([key, entry]) => {
    const old = before.get(key);
    return old === undefined || !same(old, entry);
  });
  const deleted = [...before].filter(([key]) => !after.has(key));
  return {
    set: set.map(([, entry]) => entry),
    deleted: deleted.map(([, entry]) => keyOf(entry)),
  };
}

/** The delta between two full compilations: for those who have both and no PolicyCompiler. */
export function diffCompiled(before: CompiledTables, after: CompiledTables): CompiledDelta {
  return {
    identities: diffTable(
      before.identities,
      after.identities,
      (a, b) => a.identity === b.identity,
      ({ addr, prefix_bits }) => ({ addr, prefix_bits }),
    ),
    endpoints: diffTable(
      before.endpoints,
      after.endpoints,
      (a, b) =>
        a.uid === b.uid &&
        a.ingress_rule_set === b.ingress_rule_set &&
        a.egress_rule_set === b.egress_rule_set,
      ({ namespace, pod }) => ({ namespace, pod }),
    ),
    entries: diffTable(
      before.entries,
      after.entries,
      (a, b) => a.rule === b.rule,
      ({ rule_set, identity, prefix_bits, protocol, port }) => ({
        rule_set,
        identity,
        prefix_bits,
        protocol,
        port,
      }),
    ),
    rules: diffTable(
      before.rules,
      after.rules,
      (a, b) => a.text === b.text,
      ({ rule }) => rule,
    ),
  };
}
