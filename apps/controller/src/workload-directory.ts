import { workloadKey } from "@weir/identity";
import type { WorkloadSnapshot } from "@weir/identity";
import type { Workload } from "@weir/codec";

/** A record for the table of workloads; null deletes the key. */
export interface WorkloadChange {
  key: string;
  workload: Workload | null;
}

/**
 * Compares what the sources see with what the table `weir.workloads.v1` holds, and says what must
 * be published: the new, the changed, an end for what vanished, and after `tombstoneKeepMs` its
 * removal. It works the same after a restart, because the table is where it left off.
 */
export class WorkloadDirectory {
  #published = new Map<string, { workload: Workload; fingerprint: string }>();
  #snapshots = new Map<string, WorkloadSnapshot>();
  #sources: string[];
  #tombstoneKeepUs: number;

  /** `sources`: names of all sources; nothing ends before each has been heard. */
  constructor(sources: string[], tombstoneKeepMs: number) {
    this.#sources = sources;
    this.#tombstoneKeepUs = tombstoneKeepMs * 1000;
  }

  /** What the table holds, our own records included. */
  recordPublished(key: string, workload: Workload | null): void {
    if (workload) this.#published.set(key, { workload, fingerprint: fingerprint(workload) });
    else this.#published.delete(key);
  }

  snapshot(source: string, snapshot: WorkloadSnapshot): void {
    this.#snapshots.set(source, snapshot);
  }

  /** Workloads that have not ended, as published. */
  current(): Workload[] {
    const alive: Workload[] = [];
    for (const { workload } of this.#published.values()) {
      if (workload.until === null) alive.push(workload);
    }
    return alive;
  }

  get size(): number {
    return this.#published.size;
  }

  /** What to publish at `nowUs`. The caller records it with `recordPublished` once it is sent. */
  changes(nowUs: number): WorkloadChange[] {
    const seen = this.#seen();
    const changes: WorkloadChange[] = [];
    for (const [key, workload] of seen) {
      const held = this.#published.get(key);
      const alive = held !== undefined && held.workload.until === null;
      if (alive && held.fingerprint === fingerprint(workload)) continue;
      // The same key is the same instance: its beginning does not move, also when a source lost
      // sight of it for a while.
      const since = Math.min(held?.workload.since ?? Infinity, workload.since);
      changes.push({ key, workload: { ...workload, since } });
    }
    for (const [key, { workload }] of this.#published) {
      if (seen.has(key)) continue;
      if (workload.until === null) {
        if (this.#absenceProves()) changes.push({ key, workload: { ...workload, until: nowUs } });
      } else if (workload.until + this.#tombstoneKeepUs < nowUs) {
        changes.push({ key, workload: null });
      }
    }
    return changes;
  }

  #seen(): Map<string, Workload> {
    const seen = new Map<string, Workload>();
    for (const source of this.#sources) {
      for (const workload of this.#snapshots.get(source)?.workloads ?? []) {
        // Two sources that name the same thing: the first one listed is right.
        const key = workloadKey(workload);
        if (!seen.has(key)) seen.set(key, workload);
      }
    }
    return seen;
  }

  /** A source that has not been heard, or could not read something, proves nothing by silence. */
  #absenceProves(): boolean {
    return this.#sources.every((source) => this.#snapshots.get(source)?.complete === true);
  }
}

/** Everything that is said of a workload, but not when. */
function fingerprint({ since: _since, until: _until, ...rest }: Workload): string {
  const labels = (map: Record<string, string>): [string, string][] =>
    Object.entries(map).sort(([one], [two]) => (one < two ? -1 : 1));
  return JSON.stringify({
    ...rest,
    addresses: rest.addresses.map((address) => Buffer.from(address).toString("hex")),
    labels: labels(rest.labels),
    namespace_labels: labels(rest.namespace_labels),
  });
}
