import type { Mode, PolicySet } from "@weir/codec";
import type { PolicyMapName, RuleKey } from "./policy-entries.ts";
import {
  addressBits,
  identityKey,
  interfaceKey,
  nodeFlag,
  ruleKey,
  ruleSetsText,
  wordText,
} from "./policy-entries.ts";

/** A workload's interface, as far as policy is concerned. */
export interface PolicyEndpoint {
  ifindex: number;
  namespace: string;
  pod: string;
  /** The instance that is behind it; empty or absent: not known. */
  uid?: string;
}

export interface PolicyHead {
  generation: number;
  revision: number;
  mode: Mode;
}

interface WorkloadName {
  namespace: string;
  pod: string;
}

/** What the policy says of a workload: of the instance `uid`, or of any where that is empty. */
interface WorkloadPolicy {
  uid: string;
  sets: string;
}

/** An interface's workload. */
interface Occupant {
  name: string;
  uid: string;
}

/** What a policy delta says of the kernel's maps. */
export interface PolicyEdit extends PolicyHead {
  identities: {
    set: PolicySet["identities"];
    deleted: { addr: Uint8Array; prefix_bits: number }[];
  };
  endpoints: { set: PolicySet["endpoints"]; deleted: WorkloadName[] };
  entries: { set: PolicySet["entries"]; deleted: RuleKey[] };
}

/** Tells which entry may have another value now. */
export type Touched = (map: PolicyMapName, key: string) => void;

/**
 * What the kernel's maps are to hold: the policy, what is known of this node's interfaces, and the
 * node's own addresses. Every change tells the keys it touched, so that its cost follows what
 * changed; a change that throws has changed nothing.
 *
 * The node's own addresses have an entry each, with the identity that the longest prefix of the
 * policy gives them and a flag beside it.
 */
export class PolicyImage {
  head: PolicyHead | undefined;
  readonly #touched: Touched;
  /** As the policy has them; `#own` stands before it. */
  #identities = new Map<string, number>();
  /** How many identities there are with each length of prefix. */
  #prefixes = new Uint32Array(addressBits + 1);
  #rules = new Map<string, string>();
  #workloads = new Map<string, WorkloadPolicy>();
  readonly #interfaces = new Map<string, Occupant>();
  #addresses: Uint8Array[] = [];
  #own = new Map<string, string>();
  /** Of workloads before the changes that are not in force yet; undefined: none. */
  readonly #before = new Map<string, WorkloadPolicy | undefined>();

  constructor(touched: Touched) {
    this.#touched = touched;
  }

  get(map: PolicyMapName, key: string): string | undefined {
    if (map === "rules") return this.#rules.get(key);
    if (map === "endpoint_policies") {
      const occupant = this.#interfaces.get(key);
      return occupant && setsFor(this.#workloads.get(occupant.name), occupant);
    }
    const own = this.#own.get(key);
    if (own !== undefined) return own;
    const identity = this.#identities.get(key);
    return identity === undefined ? undefined : wordText(identity);
  }

  size(map: PolicyMapName): number {
    if (map === "rules") return this.#rules.size;
    if (map === "endpoint_policies") return this.#interfaces.size;
    return this.#identities.size + this.#own.size;
  }

  *keys(map: PolicyMapName): Generator<string> {
    if (map === "rules") yield* this.#rules.keys();
    else if (map === "endpoint_policies") yield* this.#interfaces.keys();
    else {
      yield* this.#identities.keys();
      yield* this.#own.keys();
    }
  }

  /** What the policy in force says of the interface's workload. */
  inForce(endpoint: PolicyEndpoint): string | undefined {
    const occupant = occupantOf(endpoint);
    const { name } = occupant;
    const from = this.#before.has(name) ? this.#before : this.#workloads;
    return setsFor(from.get(name), occupant);
  }

  /** What the image says now is in force. */
  settled(): void {
    this.#before.clear();
  }

  edit(edit: PolicyEdit): void {
    const { identities, endpoints, entries } = edit;
    const drop = identities.deleted.map((one) => identityKey(one.addr, one.prefix_bits));
    const put = identities.set.map(identityOf);
    const dropRules = entries.deleted.map(ruleKey);
    const putRules = entries.set.map(ruleOf);
    const workloads = new Map<string, WorkloadPolicy | undefined>();
    for (const one of endpoints.deleted) workloads.set(nameOf(one), undefined);
    for (const one of endpoints.set) workloads.set(nameOf(one), policyOf(one));
    for (const key of drop) this.#setIdentity(key, undefined);
    for (const [key, identity] of put) this.#setIdentity(key, identity);
    for (const key of dropRules) this.#setRule(key, undefined);
    for (const [key, rule] of putRules) this.#setRule(key, rule);
    this.#setWorkloads(workloads);
    if (drop.length + put.length > 0) this.#setOwn();
    this.head = headOf(edit);
  }

  /** The whole policy. Only what is different is touched. */
  replace(set: PolicySet): void {
    const identities = new Map(set.identities.map(identityOf));
    const rules = new Map(set.entries.map(ruleOf));
    const workloads = new Map<string, WorkloadPolicy | undefined>(
      set.endpoints.map((one) => [nameOf(one), policyOf(one)]),
    );
    for (const key of this.#identities.keys())
      if (!identities.has(key)) this.#setIdentity(key, undefined);
    for (const [key, identity] of identities) this.#setIdentity(key, identity);
    for (const key of this.#rules.keys()) if (!rules.has(key)) this.#setRule(key, undefined);
    for (const [key, rule] of rules) this.#setRule(key, rule);
    for (const name of this.#workloads.keys())
      if (!workloads.has(name)) workloads.set(name, undefined);
    this.#setWorkloads(workloads);
    this.#setOwn();
    this.head = headOf(set);
  }

  setInterface(endpoint: PolicyEndpoint): void {
    const key = interfaceKey(endpoint.ifindex);
    const occupant = occupantOf(endpoint);
    const before = this.#interfaces.get(key);
    if (before?.name === occupant.name && before.uid === occupant.uid) return;
    this.#interfaces.set(key, occupant);
    this.#touched("endpoint_policies", key);
  }

  removeInterface(ifindex: number): void {
    const key = interfaceKey(ifindex);
    this.#interfaces.delete(key);
    this.#touched("endpoint_policies", key);
  }

  /** Returns whether they were others before. */
  setNodeAddresses(addresses: Uint8Array[]): boolean {
    this.#addresses = addresses;
    return this.#setOwn();
  }

  #setIdentity(key: string, identity: number | undefined): void {
    const before = this.#identities.get(key);
    if (before === identity) return;
    const bits = bitsOf(key);
    if (identity === undefined) {
      this.#identities.delete(key);
      this.#prefixes[bits]!--;
    } else {
      this.#identities.set(key, identity);
      if (before === undefined) this.#prefixes[bits]!++;
    }
    this.#touched("identities", key);
  }

  #setRule(key: string, rule: string | undefined): void {
    if (this.#rules.get(key) === rule) return;
    if (rule === undefined) this.#rules.delete(key);
    else this.#rules.set(key, rule);
    this.#touched("rules", key);
  }

  #setWorkloads(changes: Map<string, WorkloadPolicy | undefined>): void {
    const changed = new Set<string>();
    for (const [name, policy] of changes) {
      const before = this.#workloads.get(name);
      if (before?.sets === policy?.sets && before?.uid === policy?.uid) continue;
      if (!this.#before.has(name)) this.#before.set(name, before);
      if (policy === undefined) this.#workloads.delete(name);
      else this.#workloads.set(name, policy);
      changed.add(name);
    }
    if (changed.size === 0) return;
    for (const [key, { name }] of this.#interfaces) {
      if (changed.has(name)) this.#touched("endpoint_policies", key);
    }
  }

  #setOwn(): boolean {
    const own = new Map<string, string>();
    for (const address of this.#addresses) {
      const value = wordText(this.#longestMatch(address) + nodeFlag);
      own.set(identityKey(address, addressBits), value);
    }
    const before = this.#own;
    this.#own = own;
    const keys = new Set([...before.keys(), ...own.keys()]);
    const changed = [...keys].filter((key) => before.get(key) !== own.get(key));
    for (const key of changed) this.#touched("identities", key);
    return changed.length > 0;
  }

  #longestMatch(address: Uint8Array): number {
    for (let bits = addressBits; bits >= 0; bits--) {
      if (this.#prefixes[bits] === 0) continue;
      const identity = this.#identities.get(identityKey(address, bits));
      if (identity !== undefined) return identity;
    }
    return 0;
  }
}

function headOf({ generation, revision, mode }: PolicyHead): PolicyHead {
  return { generation, revision, mode };
}

function nameOf({ namespace, pod }: WorkloadName): string {
  return `${namespace}/${pod}`;
}

function identityOf(one: PolicySet["identities"][number]): [key: string, identity: number] {
  const { addr, prefix_bits: bits, identity } = one;
  if (!(identity >= 0 && identity < nodeFlag)) throw new RangeError(`an identity of ${identity}`);
  return [identityKey(addr, bits), identity];
}

function ruleOf(one: PolicySet["entries"][number]): [key: string, rule: string] {
  return [ruleKey(one), wordText(one.rule)];
}

function policyOf(one: PolicySet["endpoints"][number]): WorkloadPolicy {
  return { uid: one.uid, sets: ruleSetsText(one.ingress_rule_set, one.egress_rule_set) };
}

function occupantOf(endpoint: PolicyEndpoint): Occupant {
  return { name: nameOf(endpoint), uid: endpoint.uid ?? "" };
}

/** Undefined as well where the policy speaks of another instance of the name. */
function setsFor(policy: WorkloadPolicy | undefined, { uid }: Occupant): string | undefined {
  if (policy === undefined) return undefined;
  const isMeant = policy.uid === "" || uid === "" || policy.uid === uid;
  return isMeant ? policy.sets : undefined;
}

/** The prefix of an identity's key, whose length is in its first byte or its last. */
function bitsOf(key: string): number {
  return key.charCodeAt(0) + key.charCodeAt(3);
}
