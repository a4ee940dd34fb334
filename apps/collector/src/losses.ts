import type { Drops } from "./flow-reader.ts";
import type { SpoolLosses } from "./journal.ts";

/**
 * What is lost for good, by cause, since the maps were made. `map` and `map_share` are connections
 * that never were records, their packets stand in the odometers as untracked; those of the spool are
 * records, and among what was produced.
 */
export type Losses = Record<"map" | "map_share" | "spool" | "spool_damaged", number>;

/**
 * A full ring is no loss, nor is an interface without budget for the ring: the word of an edge is
 * late, and all of that edge's counts come with the sweep. The counters `ring_full` and
 * `edges_over_budget` tell.
 */
export function lossesOf(drops: Pick<Drops, "mapFull" | "flowShare">, disk: SpoolLosses): Losses {
  return {
    map: drops.mapFull,
    map_share: drops.flowShare,
    spool: disk.droppedRecords,
    spool_damaged: disk.damagedRecords,
  };
}
