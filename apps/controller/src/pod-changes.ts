import type { Workload } from "@weir/codec";
import { workloadCluster } from "@weir/identity";
import type { ClusterPod, Labels } from "@weir/policy";
import type { WorkloadChange } from "./workload-directory.ts";

/** What of the pods is new, by `namespace/name`. */
export interface PodChange {
  set: Map<string, ClusterPod>;
  deleted: Set<string>;
  namespaces: Map<string, Labels>;
  /** Pods that are another instance than the one of this name before. */
  replaced?: Set<string>;
}

/** Records of workloads to changes of pods: of two instances of a name the one that began last. */
export class PodInstances {
  /** Living ones by name, then by the record's key. */
  readonly #instances = new Map<string, Map<string, Workload>>();
  readonly #names = new Map<string, string>();
  /** The uid that counts, by name; of one that ended the last. */
  readonly #uids = new Map<string, string>();

  change(records: Iterable<WorkloadChange>): PodChange {
    const touched = new Set<string>();
    for (const { key, workload } of records) {
      const name = workload?.kind === "pod" ? nameOf(workload) : this.#names.get(key);
      if (name === undefined) continue;
      touched.add(name);
      if (workload?.kind === "pod" && workload.until === null) this.#add(name, key, workload);
      else this.#remove(name, key);
    }
    const change = { set: new Map(), deleted: new Set(), namespaces: new Map() } as PodChange;
    change.replaced = new Set();
    for (const name of touched) this.#describe(name, change);
    return change;
  }

  #describe(name: string, change: PodChange): void {
    const instances = this.#instances.get(name);
    const { pods, namespaces } = workloadCluster(instances?.values() ?? []);
    const [pod] = pods;
    if (instances === undefined || pod === undefined) {
      change.deleted.add(name);
      this.#uids.delete(name);
      return;
    }
    change.set.set(name, pod);
    for (const [namespace, labels] of Object.entries(namespaces)) {
      change.namespaces.set(namespace, labels);
    }
    const uid = newest(instances.values()).uid;
    const before = this.#uids.get(name);
    if (before !== undefined && before !== uid) change.replaced?.add(name);
    this.#uids.set(name, uid);
  }

  #add(name: string, key: string, workload: Workload): void {
    this.#names.set(key, name);
    const instances = this.#instances.get(name) ?? new Map<string, Workload>();
    instances.set(key, workload);
    this.#instances.set(name, instances);
  }

  #remove(name: string, key: string): void {
    this.#names.delete(key);
    const instances = this.#instances.get(name);
    instances?.delete(key);
    if (instances?.size === 0) this.#instances.delete(name);
  }
}

function newest(instances: Iterable<Workload>): Workload {
  return [...instances].reduce((one, two) =>
    two.since > one.since || (two.since === one.since && two.uid > one.uid) ? two : one,
  );
}

function nameOf({ namespace, name }: Workload): string {
  return `${namespace}/${name}`;
}
