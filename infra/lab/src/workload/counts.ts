/** How a pod's calls to one upstream, or what it served, went since it was started. */
export interface Count {
  ok: number;
  failed: number;
  /** Text of the latest failure. */
  lastError?: string;
}

/** A pod's counters, as `labStats` returns them. */
export interface WorkloadCounts {
  /** Per upstream, by the name of its environment variable. */
  calls: Record<string, Count>;
  /** HTTP requests answered: 200 is ok, anything else failed. */
  served: Count;
  /** Datagrams answered. */
  replies: number;
  /** Connections a scan tried: answered is ok. */
  scanned: Count;
}

export function newCounts(): WorkloadCounts {
  return { calls: {}, served: newCount(), replies: 0, scanned: newCount() };
}

export function newCount(): Count {
  return { ok: 0, failed: 0 };
}

/** Counts how `work` ends and says whether it went well. Never rejects. */
export async function counted(count: Count, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    count.ok += 1;
    return true;
  } catch (error) {
    count.failed += 1;
    count.lastError = error instanceof Error ? error.message : String(error);
    return false;
  }
}
