/**
 * Names that one column of a part has in its one dictionary. The engine's own 8,192 are fewer than
 * a cluster has pods: what is beyond gets a dictionary for every 8,192 rows, which a question that
 * wants a row here and there builds for each. Merges go by the engine's profile: the embedded one
 * has it, on a server give it to the user `default`.
 */
export const dictionaryNames = 65_536;

/** How a block is written, by either engine. */
export const insertSettings: Record<string, string | number> = {
  // The token decides, in the roll-ups too.
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // What the roll-ups insert is aggregated already; other tables are read with FINAL.
  optimize_on_insert: 0,
  max_insert_threads: 1,
  low_cardinality_max_dictionary_size: dictionaryNames,
};
