import type { Drops } from "./flow-reader.ts";

/** Records lost for good, by cause, since the maps were made or the sender was. */
export type Losses = Record<"map" | "queue", number>;

/**
 * A full ring is no loss: it delays the word of an edge, and all of that edge's counts come with
 * the sweep. It is told as the counter `ring_full`.
 */
export function lossesOf(
  drops: Pick<Drops, "mapFull">,
  reader: { flowsEvicted: number },
  sender: { abandonedRecords: number },
): Losses {
  return {
    // Flows that the full map gave up, with what they had not reported; packets it refused.
    map: reader.flowsEvicted + drops.mapFull,
    queue: sender.abandonedRecords,
  };
}
