import type { Mode } from "@weir/codec";
import type { Table } from "./table.ts";

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

/** One row per generation and revision; they merge to one per generation. */
export const policyGenerations: Table<PolicyGenerationRow> = {
  name: "policy_generations",
  columns: [
    { name: "generation", type: "UInt32", of: (row) => row.generation },
    { name: "revision", type: "UInt32", of: (row) => row.revision },
    { name: "mode", type: "LowCardinality(String)", of: (row) => row.mode },
    { name: "valid_from", type: "DateTime64(6, 'UTC')", of: (row) => row.validFrom },
  ],
};

/** Only what a generation changed: a text that stays has no row. */
export const policyVersions: Table<PolicyVersionRow> = {
  name: "policy_versions",
  columns: [
    { name: "namespace", type: "LowCardinality(String)", of: (row) => row.namespace },
    { name: "name", type: "String", of: (row) => row.name },
    { name: "generation", type: "UInt32", of: (row) => row.generation },
    { name: "deleted", type: "UInt8", of: (row) => (row.deleted ? 1 : 0) },
    { name: "text", type: "String", of: (row) => row.text },
  ],
};
