import type { Table } from "./table.ts";

/** What happened that is no flow. */
export interface EventRow {
  /** Microseconds since 1970. */
  time: number;
  node: string;
  bootId: string;
  kind: string;
  namespace: string;
  workload: string;
  pod: string;
  text: string;
  fields: Record<string, string>;
}

const name = "LowCardinality(String)";

export const events: Table<EventRow> = {
  name: "events",
  columns: [
    { name: "time", type: "DateTime64(6, 'UTC')", of: (row) => row.time },
    { name: "node", type: name, of: (row) => row.node },
    { name: "boot_id", type: name, of: (row) => row.bootId },
    { name: "kind", type: name, of: (row) => row.kind },
    { name: "namespace", type: name, of: (row) => row.namespace },
    { name: "workload", type: name, of: (row) => row.workload },
    { name: "pod", type: name, of: (row) => row.pod },
    { name: "text", type: "String", of: (row) => row.text },
    { name: "fields", type: `Map(${name}, String)`, of: (row) => row.fields },
  ],
};
