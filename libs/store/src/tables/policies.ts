import type { Mode } from "@weir/codec";
import { codecs, column, nameType, type Table, timeType } from "./table.ts";

export interface PolicyGenerationRow {
  generation: number;
  revision: number;
  mode: Mode;
  /** Microseconds since 1970. */
  validFrom: number;
}

/** A text of a document from a generation on, or that it is gone. */
export interface PolicyVersionRow {
  namespace: string;
  name: string;
  generation: number;
  deleted: boolean;
  text: string;
}

const latest = (aggregate: string, type: string) =>
  `SimpleAggregateFunction(${aggregate}, ${type})`;

/** One row per generation and revision; they merge to one per generation. */
export const policyGenerations: Table<PolicyGenerationRow> = {
  name: "policy_generations",
  comment: "The generations of the policy.",
  columns: [
    {
      ...column("generation", "UInt32", "Counts up with every change of a text or of the mode."),
      of: (row) => row.generation,
    },
    {
      ...column(
        "revision",
        latest("max", "UInt32"),
        "Latest revision of the generation: changes of the entries, pods coming and going included.",
      ),
      of: (row) => row.revision,
    },
    {
      ...column("mode", latest("anyLast", nameType), "observe, shadow or enforce."),
      of: (row) => row.mode,
    },
    {
      ...column("valid_from", latest("min", timeType), "When the generation was made."),
      of: (row) => row.validFrom,
    },
  ],
  engine: "AggregatingMergeTree",
  orderBy: "generation",
  deduplicationWindow: 1000,
  shardBy: "generation",
};

/** Only what a generation changed: a text that stays has no row. */
export const policyVersions: Table<PolicyVersionRow> = {
  name: "policy_versions",
  comment: "The texts of policies, each from the generation on that it belongs to.",
  columns: [
    {
      ...column("namespace", nameType, "Namespace of the document."),
      of: (row) => row.namespace,
    },
    { ...column("name", "String", "Name of the document."), of: (row) => row.name },
    {
      ...column(
        "generation",
        "UInt32",
        "The generation from which on the document has this text, or is gone.",
      ),
      of: (row) => row.generation,
    },
    {
      ...column("deleted", "UInt8", "1: the document is gone from this generation on."),
      of: (row) => (row.deleted ? 1 : 0),
    },
    {
      ...column("text", "String", "The NetworkPolicy as it was applied, YAML.", codecs.text),
      of: (row) => row.text,
    },
  ],
  engine: "ReplacingMergeTree",
  orderBy: "(namespace, name, generation)",
  deduplicationWindow: 1000,
  shardBy: "cityHash64(namespace, name)",
};
