import type { Mode } from "@weir/codec";
import type { Table } from "./table.ts";

export interface PolicyRow {
  generation: number;
  revision: number;
  mode: Mode;
  /** Both empty for a generation without documents. */
  namespace: string;
  name: string;
  text: string;
  /** Microseconds since 1970. */
  validFrom: number;
}

/** One row per document of a generation, and one with empty names where there is none. */
export const policyRecords: Table<PolicyRow> = {
  name: "policy_records",
  columns: [
    { name: "generation", type: "UInt32", of: (row) => row.generation },
    { name: "namespace", type: "LowCardinality(String)", of: (row) => row.namespace },
    { name: "name", type: "String", of: (row) => row.name },
    { name: "revision", type: "UInt32", of: (row) => row.revision },
    { name: "mode", type: "LowCardinality(String)", of: (row) => row.mode },
    { name: "text", type: "String", of: (row) => row.text },
    { name: "valid_from", type: "DateTime64(6, 'UTC')", of: (row) => row.validFrom },
  ],
};
