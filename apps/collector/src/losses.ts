import type { SpoolCounters } from "@weir/bus";
import type { Drops } from "./flow-reader.ts";

/**
 * Records lost for good, by cause: `map` since the maps were made, the others since the spool was.
 * Those of `map` were never numbered; those of the spool were, and are among what was produced.
 */
export type Losses = Record<"map" | "spool" | "spool_damaged", number>;

/**
 * A full ring is no loss: it delays the word of an edge, and all of that edge's counts come with
 * the sweep. It is told as the counter `ring_full`.
 */
export function lossesOf(
  drops: Pick<Drops, "mapFull">,
  reader: { flowsEvicted: number },
  spool: Pick<SpoolCounters, "droppedRecords" | "damagedRecords"> | undefined,
): Losses {
  return {
    // Flows that the full map gave up, with what they had not reported; packets it refused.
    map: reader.flowsEvicted + drops.mapFull,
    spool: spool?.droppedRecords ?? 0,
    spool_damaged: spool?.damagedRecords ?? 0,
  };
}
