import type { Drops } from "./flow-reader.ts";
import type { SpoolLosses } from "./journal.ts";

/**
 * Records lost for good, by cause, since the maps were made. Those of `map` were never numbered;
 * those of the spool were, and are among what was produced.
 */
export type Losses = Record<"map" | "spool" | "spool_damaged", number>;

/**
 * A full ring is no loss: it delays the word of an edge, and all of that edge's counts come with
 * the sweep. It is told as the counter `ring_full`.
 */
export function lossesOf(
  drops: Pick<Drops, "mapFull">,
  reader: { flowsEvicted: number },
  disk: SpoolLosses,
): Losses {
  return {
    // Flows that the full map gave up, with what they had not reported; packets it refused.
    map: reader.flowsEvicted + drops.mapFull,
    spool: disk.droppedRecords,
    spool_damaged: disk.damagedRecords,
  };
}
