/** Where a member stands in a partition that it may fetch from. */
export interface Standing {
  /** `topic/partition` */
  key: string;
  /** Offset that its next fetch begins with. */
  next: bigint;
  /** Offset of the next message to come. */
  high: bigint;
}

/**
 * Finds members that have stopped to fetch without an error: such a one keeps its heartbeats and its
 * partitions, and nobody else would ever read them. A partition stalls when its position has not moved
 * between two looks though there was something to read at both.
 */
export class StallWatch {
  #last = new Map<string, Standing>();
  /** Found before, with nothing read since. The end of a topic may hold offsets that no message has. */
  readonly #told = new Map<string, string>();

  /** One look at all of them; returns those to be told of. */
  look(standings: readonly Standing[]): Standing[] {
    const stalled = standings.filter((one) => {
      const before = this.#last.get(one.key);
      if (before === undefined || before.next !== one.next) return false;
      const isBehind = one.next < before.high && one.next < one.high;
      return isBehind && this.#told.get(one.key) !== placeOf(one);
    });
    this.#last = new Map(standings.map((one) => [one.key, one]));
    for (const one of stalled) this.#told.set(one.key, placeOf(one));
    // Looked at from the beginning by whoever reads on.
    if (stalled.length > 0) this.#last.clear();
    return stalled;
  }
}

function placeOf({ next, high }: Standing): string {
  return `${next} of ${high}`;
}
