import type { CompiledDelta, EndpointEntry } from "@weir/policy";
import { podKey } from "@weir/policy";

/** Which nodes hold what. */
export interface Confirmation {
  /** Every live node holds this revision; true as well where no node lives. */
  confirmed(revision: number): boolean;
}

interface Held {
  entry: EndpointEntry;
  /** The revision with the pod's addresses; undefined until it has a number. */
  after: number | undefined;
  deadlineMs: number;
}

/**
 * A pod's entry in `endpoints` opens its interface. It waits here until every live node holds the
 * revision with the pod's addresses: on no node may its first packet come from an address that still
 * has the identity of the pod that had it before.
 */
export class EndpointGate {
  readonly #held = new Map<string, Held>();
  readonly #holdMs: number;
  #unconfirmed = 0;

  /** `holdMs`: a node that has not confirmed by then is not waited for any longer. */
  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Opened because a node did not confirm in time. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /**
   * Takes out of a delta what has to wait: entries of pods that are not `open`, and those of
   * `replaced` pods, whose entry of before is deleted.
   */
  sift(
    delta: CompiledDelta["endpoints"],
    open: ReadonlyMap<string, EndpointEntry>,
    replaced: ReadonlySet<string>,
    nowMs: number,
  ): CompiledDelta["endpoints"] {
    const sifted: CompiledDelta["endpoints"] = { set: [], deleted: [] };
    for (const one of delta.deleted) {
      const key = keyOf(one);
      this.#held.delete(key);
      if (open.has(key)) sifted.deleted.push(one);
    }
    const closing = new Set<string>();
    const anew = new Set(replaced);
    for (const entry of delta.set) {
      if (isOther(open.get(keyOf(entry)), entry)) anew.add(keyOf(entry));
    }
    for (const key of anew) {
      const entry = open.get(key);
      if (entry === undefined || delta.deleted.some((one) => keyOf(one) === key)) continue;
      closing.add(key);
      sifted.deleted.push({ namespace: entry.namespace, pod: entry.pod });
      this.#hold(key, entry, nowMs, true);
    }
    for (const entry of delta.set) {
      const key = keyOf(entry);
      if (open.has(key) && !closing.has(key)) sifted.set.push(entry);
      else this.#hold(key, entry, nowMs, anew.has(key));
    }
    return sifted;
  }

  /** What waits for no revision yet waits for this one. */
  number(revision: number): void {
    for (const held of this.#held.values()) held.after ??= revision;
  }

  /** Entries that need not wait any longer. They stay here until `opened`. */
  ready(nodes: Confirmation, nowMs: number): EndpointEntry[] {
    const ready: EndpointEntry[] = [];
    for (const { entry, after, deadlineMs } of this.#held.values()) {
      const confirmed = after === undefined ? nodes.confirmed(Infinity) : nodes.confirmed(after);
      if (confirmed || nowMs >= deadlineMs) ready.push(entry);
    }
    return ready;
  }

  /** They are published. */
  opened(entries: readonly EndpointEntry[], nodes: Confirmation): void {
    for (const entry of entries) {
      const held = this.#held.get(keyOf(entry));
      if (held === undefined) continue;
      if (!nodes.confirmed(held.after ?? Infinity)) this.#unconfirmed++;
      this.#held.delete(keyOf(entry));
    }
  }

  #hold(key: string, entry: EndpointEntry, nowMs: number, afresh: boolean): void {
    const held = this.#held.get(key);
    if (held !== undefined && !afresh) held.entry = entry;
    else this.#held.set(key, { entry, after: undefined, deadlineMs: nowMs + this.#holdMs });
  }
}

/** Another instance of the name than the one that is open. */
function isOther(open: EndpointEntry | undefined, entry: EndpointEntry): boolean {
  return open !== undefined && open.uid !== "" && open.uid !== entry.uid;
}

function keyOf({ namespace, pod }: { namespace: string; pod: string }): string {
  return podKey({ namespace, name: pod });
}
