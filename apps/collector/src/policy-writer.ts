import type { Mode, PolicySet } from "@weir/codec";
import { BpfMap } from "libbpf-ts";
import type { TypedMap } from "libbpf-ts";
import type { Datapath } from "./datapath.ts";
import { endpointEntries, identityEntries, ruleEntries } from "./policy-entries.ts";
import type { EndpointPolicy, MapEntries } from "./policy-entries.ts";

/** A workload's interface, as far as policy is concerned. */
export interface PolicyEndpoint {
  ifindex: number;
  namespace: string;
  pod: string;
}

/** What the kernel holds now. */
export interface PolicyInForce {
  generation: number;
  revision: number;
  mode: Mode;
  /** Counts up with every switch, also with those that only follow a pod. */
  epoch: number;
}

/** Puts policy into the kernel. Every change is whole: no packet sees half of one. */
export interface PolicyWriter {
  readonly inForce: PolicyInForce;
  /**
   * Fills fresh maps beside those in use, puts them into the free slot, and switches with one word.
   * Throws, with the previous policy in force, when anything fails before that word.
   */
  write(set: PolicySet, endpoints: PolicyEndpoint[]): void;
  /** Before an interface is attached: what the policy in force says of its workload. */
  add(endpoint: PolicyEndpoint): void;
  remove(ifindex: number): void;
  /** Addresses of this node, from where everything may come in (kubelet's probes); for the next write. */
  setNodeAddresses(addresses: Uint8Array[]): void;
}

const modes: Mode[] = ["observe", "shadow", "enforce"];
/** Bound of a node's interfaces, as in bpf/maps.h. */
const maxEndpoints = 4096;
const outerMaps = ["identities", "rules", "endpoint_policies"] as const;

interface State {
  generation: number;
  revision: number;
  mode: number;
  pad: number;
}

export function createPolicyWriter(datapath: Datapath): PolicyWriter {
  return new SlotWriter(datapath);
}

class SlotWriter implements PolicyWriter {
  readonly #datapath: Datapath;
  readonly #epochs: TypedMap<number, { epoch: number }>;
  readonly #states: TypedMap<number, State>;
  #nodeAddresses: Uint8Array[] = [];
  #ruleSets = new Map<string, PolicySet["endpoints"][number]>();

  constructor(datapath: Datapath) {
    this.#datapath = datapath;
    this.#epochs = datapath.map("policy_epoch").typed();
    this.#states = datapath.map("policy_state").typed();
  }

  get inForce(): PolicyInForce {
    const epoch = this.#epoch();
    const state = this.#states.get(epoch & 1);
    return {
      generation: state?.generation ?? 0,
      revision: state?.revision ?? 0,
      mode: modes[state?.mode ?? 0] ?? "observe",
      epoch,
    };
  }

  write(set: PolicySet, endpoints: PolicyEndpoint[]): void {
    const epoch = this.#epoch();
    const next = (epoch + 1) >>> 0;
    const slot = next & 1;
    const ruleSets = new Map(set.endpoints.map((one) => [workloadKey(one), one]));
    const made = this.#fillAll(set, endpoints, ruleSets);
    try {
      this.#putInto(slot, made);
      const { generation, revision } = set;
      this.#states.set(slot, { generation, revision, mode: modes.indexOf(set.mode), pad: 0 });
      this.#epochs.set(0, { epoch: next });
      this.#ruleSets = ruleSets;
      // The kernel waits here until no program runs that may have read the old epoch: only then may
      // the next write touch the other slot. (It waits at every change of a map in a map, some 10 ms.)
      this.#datapath.map("rules").setInner(slot, made[1] as BpfMap);
    } finally {
      for (const map of made) map.close();
    }
  }

  add(endpoint: PolicyEndpoint): void {
    const policy = policyOf(this.#ruleSets, endpoint);
    using active = this.#activeEndpoints();
    if (active === undefined || policy === undefined) return;
    const { keys, values } = endpointEntries([policy]);
    active.update(keys, values);
  }

  remove(ifindex: number): void {
    using active = this.#activeEndpoints();
    active?.delete(indexKey(ifindex));
  }

  setNodeAddresses(addresses: Uint8Array[]): void {
    this.#nodeAddresses = addresses;
  }

  #epoch(): number {
    return this.#epochs.get(0)?.epoch ?? 0;
  }

  /** In the order of `outerMaps`. */
  #fillAll(
    set: PolicySet,
    endpoints: PolicyEndpoint[],
    ruleSets: Map<string, PolicySet["endpoints"][number]>,
  ): BpfMap[] {
    const known = endpoints
      .map((one) => policyOf(ruleSets, one))
      .filter((one) => one !== undefined);
    const contents: MapEntries[] = [
      identityEntries(set.identities, this.#nodeAddresses),
      ruleEntries(set.entries),
      endpointEntries(known),
    ];
    const made: BpfMap[] = [];
    try {
      outerMaps.forEach((name, index) => {
        const entries = contents[index] as MapEntries;
        const room = name === "endpoint_policies" ? maxEndpoints : Math.max(1, entries.count);
        const inner = this.#datapath.object.createInner(name, { maxEntries: room });
        made.push(inner);
        if (entries.count > 0) inner.updateBatch(entries.keys, entries.values, entries.count);
      });
      return made;
    } catch (error) {
      for (const map of made) map.close();
      throw error;
    }
  }

  #putInto(slot: number, inner: BpfMap[]): void {
    outerMaps.forEach((name, index) => {
      this.#datapath.map(name).setInner(slot, inner[index] as BpfMap);
    });
  }

  /** The interfaces' map of the slot in use; undefined before any policy. */
  #activeEndpoints(): BpfMap | undefined {
    const id = this.#datapath.map("endpoint_policies").innerId(this.#epoch() & 1);
    return id === undefined ? undefined : BpfMap.fromId(id);
  }
}

function policyOf(
  ruleSets: Map<string, PolicySet["endpoints"][number]>,
  endpoint: PolicyEndpoint,
): EndpointPolicy | undefined {
  const known = ruleSets.get(workloadKey(endpoint));
  return (
    known && {
      ifindex: endpoint.ifindex,
      ingressRuleSet: known.ingress_rule_set,
      egressRuleSet: known.egress_rule_set,
    }
  );
}

function workloadKey({ namespace, pod }: { namespace: string; pod: string }): string {
  return `${namespace}/${pod}`;
}

function indexKey(index: number): Uint8Array {
  return new Uint8Array(new Uint32Array([index]).buffer);
}
