import type { Workload } from "@weir/codec";
import { AddressTable } from "./address-table.ts";
import { workloadKey, workloadRef } from "./workload-ref.ts";
import type { WorkloadRef } from "./workload-ref.ts";

export interface IdentityBounds {
  /** How long after its end a workload still answers for flows of its time. Default 10 minutes. */
  tombstoneKeepMs: number;
  /** Workloads held, tombstones included. Default 200,000. */
  maxWorkloads: number;
  /** Workloads held for one address, the newest. Default 64. */
  maxPerAddress: number;
}

export interface IdentityCounters {
  /** Workloads refused or forgotten early because of a bound. */
  droppedWorkloads: number;
  droppedPerAddress: number;
  prunedTombstones: number;
}

/**
 * Who an address is, or was, at a time. Fed with Workload records; where two claim an address at
 * the same time, pods win over services, those over nodes, those over hosts, and of the same kind
 * the one that came last. A pod's address is its own alone: the next pod that has it ends the claim
 * of the one before, whose own end may be told late or never. Pods on their node's network have no
 * address of their own: their node answers. An address that nobody claimed at that time is unknown.
 */
export class IdentityIndex {
  readonly counters: IdentityCounters = {
    droppedWorkloads: 0,
    droppedPerAddress: 0,
    prunedTombstones: 0,
  };
  #bounds: IdentityBounds;
  #version = 0;
  #byKey = new Map<string, Workload>();
  /** Best first: see `better`. */
  #byAddress = new AddressTable<WorkloadRef[]>();

  constructor(bounds: Partial<IdentityBounds> = {}) {
    this.#bounds = {
      tombstoneKeepMs: 600_000,
      maxWorkloads: 200_000,
      maxPerAddress: 64,
      ...bounds,
    };
  }

  /** Workloads held, tombstones included. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Another one whenever an answer may be another one. */
  get version(): number {
    return this.#version;
  }

  get addresses(): number {
    return this.#byAddress.size;
  }

  /** The workload that had the 16 bytes at `offset` at `timeUs`. Allocates nothing. */
  find(bytes: Uint8Array, offset: number, timeUs: number): WorkloadRef | undefined {
    const claims = this.#byAddress.get(bytes, offset);
    if (claims === undefined) return undefined;
    let nextPodSince = Infinity;
    for (let at = 0; at < claims.length; at++) {
      const ref = claims[at] as WorkloadRef;
      const isPod = ref.kind === "pod";
      if (timeUs >= ref.since && timeUs < ref.until && !(isPod && timeUs >= nextPodSince))
        return ref;
      if (isPod) nextPodSince = ref.since;
    }
    return undefined;
  }

  /**
   * What `find` gives at every moment from `fromUs` to `untilUs`, both included; "varies" where
   * that is not one answer. A block of flows asks once per address instead of once per row.
   */
  findThroughout(
    bytes: Uint8Array,
    offset: number,
    fromUs: number,
    untilUs: number,
  ): WorkloadRef | "varies" | undefined {
    const claims = this.#byAddress.get(bytes, offset);
    if (claims === undefined) return undefined;
    let nextPodSince = Infinity;
    for (let at = 0; at < claims.length; at++) {
      const ref = claims[at] as WorkloadRef;
      const isPod = ref.kind === "pod";
      const end = isPod ? Math.min(ref.until, nextPodSince) : ref.until;
      if (ref.since <= fromUs && untilUs < end) return ref;
      if (ref.since <= untilUs && fromUs < end) return "varies";
      if (isPod) nextPodSince = ref.since;
    }
    return undefined;
  }

  /** `find` for a single address. */
  resolve(address: Uint8Array, timeUs: number): WorkloadRef | undefined {
    return this.find(address, 0, timeUs);
  }

  /** Adds a workload or replaces what was known of it. A record with `until` set ends it. */
  apply(workload: Workload): void {
    const key = workloadKey(workload);
    const held = this.#byKey.get(key);
    if (held) this.#unlink(held);
    else if (this.#byKey.size >= this.#bounds.maxWorkloads && !this.#makeRoom()) {
      this.counters.droppedWorkloads += 1;
      return;
    }
    this.#byKey.set(key, workload);
    this.#link(workload);
  }

  /** A record of the table `weir.workloads.v1`: null ends the workload at `atUs`. */
  applyRecord(key: string, workload: Workload | null, atUs: number): void {
    if (workload) {
      this.apply(workload);
      return;
    }
    const held = this.#byKey.get(key);
    if (held && held.until === null) this.apply({ ...held, until: atUs });
  }

  /** Workloads that have not ended, in no order. */
  *current(): IterableIterator<Workload> {
    for (const workload of this.#byKey.values()) if (workload.until === null) yield workload;
  }

  /** Forgets what ended longer than tombstoneKeepMs before `nowUs`. */
  prune(nowUs: number): void {
    const before = nowUs - this.#bounds.tombstoneKeepMs * 1000;
    for (const [key, workload] of this.#byKey) {
      if (workload.until === null || workload.until >= before) continue;
      this.#forget(key, workload);
      this.counters.prunedTombstones += 1;
    }
  }

  /** Gives up the oldest tombstone. */
  #makeRoom(): boolean {
    let oldest: [string, Workload] | undefined;
    for (const entry of this.#byKey) {
      const until = entry[1].until;
      if (until !== null && until < (oldest?.[1].until ?? Infinity)) oldest = entry;
    }
    if (!oldest) return false;
    this.#forget(...oldest);
    this.counters.droppedWorkloads += 1;
    return true;
  }

  #forget(key: string, workload: Workload): void {
    this.#byKey.delete(key);
    if (workload.kind === "pod" && !workload.host_network) this.#dropEarlierPods(key, workload);
    this.#unlink(workload);
  }

  /** Who had the pod's addresses before it must not have them again once it is forgotten. */
  #dropEarlierPods(key: string, workload: Workload): void {
    for (const address of workload.addresses) {
      const claims = this.#byAddress.get(address);
      const place = claims?.findIndex((ref) => refKey(ref) === key) ?? -1;
      if (claims === undefined || place < 0) continue;
      const kept = claims.filter((ref, at) => at <= place || ref.kind !== "pod");
      if (kept.length < claims.length) this.#byAddress.set(address, kept);
    }
  }

  #link(workload: Workload): void {
    if (workload.host_network && workload.kind === "pod") return;
    this.#version += 1;
    const ref = workloadRef(workload);
    for (const address of workload.addresses) {
      const claims = [...(this.#byAddress.get(address) ?? []), ref].sort(better);
      if (claims.length > this.#bounds.maxPerAddress) {
        claims.splice(this.#leastWanted(claims), 1);
        this.counters.droppedPerAddress += 1;
      }
      this.#byAddress.set(address, claims);
    }
  }

  #unlink(workload: Workload): void {
    this.#version += 1;
    const key = workloadKey(workload);
    for (const address of workload.addresses) {
      const claims = this.#byAddress.get(address)?.filter((ref) => refKey(ref) !== key);
      if (claims === undefined) continue;
      if (claims.length === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, claims);
    }
  }

  /** The claim that ended first; of pods, which end each other's, that is the earliest. */
  #leastWanted(claims: WorkloadRef[]): number {
    const earliestPod = claims.findLastIndex((ref) => ref.kind === "pod");
    let least = earliestPod > 0 ? earliestPod : claims.length - 1;
    claims.forEach((ref, at) => {
      const isLaterPod = earliestPod > 0 && ref.kind === "pod";
      if (!isLaterPod && ref.until < (claims[least] as WorkloadRef).until) least = at;
    });
    return least;
  }
}

const RANK = { pod: 0, service: 1, node: 2, host: 3 };

function better(one: WorkloadRef, two: WorkloadRef): number {
  return RANK[one.kind] - RANK[two.kind] || two.since - one.since;
}

function refKey(ref: WorkloadRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}/${ref.uid}`;
}
