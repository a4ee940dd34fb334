import type { Workload } from "@weir/codec";

/** Everything one source knows now, ended ones excluded. */
export interface WorkloadSnapshot {
  workloads: Workload[];
  /** False while part of the source cannot be read: what is missing may still be there. */
  complete: boolean;
}

export interface WorkloadListener {
  /** After the first look, and whenever something changed. */
  onSnapshot(source: string, snapshot: WorkloadSnapshot): void;
  /** Something could not be read; it keeps what it had last. `where` is a path. */
  onError(source: string, error: Error, where: string): void;
}

/** A place that identities come from. It looks again by itself until it is closed. */
export interface WorkloadSource {
  readonly name: string;
  /** Resolves after the first snapshot. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}
