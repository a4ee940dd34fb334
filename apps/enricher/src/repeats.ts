import type { FlowColumns } from "@weir/codec";
import type { Store } from "@weir/store";

/** Hours around a block's own times in which its rows may lie: a clock may have been set meanwhile. */
const marginUs = 2 * 3_600 * 1e6;

/** Most nodes whose latest block is remembered; the one unheard of for longest is forgotten. */
const maxNodes = 100_000;

const storedRows = `SELECT count() AS stored FROM flows
WHERE node = {node:String} AND boot_id = {boot:String} AND block = {block:UInt64}
  AND time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
  AND time <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')`;

/**
 * Blocks that came twice: a collector sends again what it is not sure of, when the bus hung or it
 * was killed, and the bus has no way to know. Numbers grow per boot of a node, so only a block that
 * is no newer than the newest one seen, or the first of its boot here, is looked up in the store.
 *
 * A batch that comes again after a crash finds its own blocks here, some whole and one perhaps in
 * part. A repeat's rows are therefore passed over and still counted (FlowWriter.span): inserts keep
 * their bounds, and what their tokens stand for.
 */
export class Repeats {
  readonly #store: Pick<Store, "query">;
  /** Newest block in the store or in the batch, by node and boot; -1: not known to be complete. */
  readonly #newest = new Map<string, number>();

  constructor(store: Pick<Store, "query">) {
    this.#store = store;
  }

  /** One batch's view; blocks that it adds are known at once. */
  batch(): (block: FlowColumns) => Promise<boolean> {
    const added = new Set<string>();
    return async (block) => {
      if (block.count === 0) return false;
      const boot = `${block.node}\n${block.bootId}`;
      const id = `${boot}\n${block.block}\n${block.count}`;
      const newest = this.#newest.get(boot);
      const isNews = newest !== undefined && block.block > newest;
      const isRepeat = added.has(id) || (!isNews && (await this.#isStored(block)));
      // Behind a repeat there may be more of them: the next one is looked up as well.
      if (!isRepeat) {
        added.add(id);
        this.#remember(boot, block.block);
      }
      return isRepeat;
    };
  }

  async #isStored({ node, bootId, block, count, time }: FlowColumns): Promise<boolean> {
    let since = Infinity;
    let until = -Infinity;
    for (let row = 0; row < count; row++) {
      const at = time[row] as number;
      if (at < since) since = at;
      if (at > until) until = at;
    }
    const parameters = {
      ...{ node, boot: bootId, block },
      since: Math.round(since - marginUs),
      until: Math.round(until + marginUs),
    };
    const [found] = await this.#store.query<{ stored: number }>(storedRows, { parameters });
    return (found?.stored ?? 0) >= count;
  }

  #remember(boot: string, block: number): void {
    this.#newest.delete(boot);
    this.#newest.set(boot, block);
    if (this.#newest.size <= maxNodes) return;
    for (const oldest of this.#newest.keys()) {
      this.#newest.delete(oldest);
      return;
    }
  }
}
