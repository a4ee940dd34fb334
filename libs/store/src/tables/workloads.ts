import { protocolName, type Workload } from "@weir/codec";
import type { Table } from "./table.ts";

export interface WorkloadRow extends Workload {
  /** Microseconds since 1970: when the record was made. Of two about one life the later counts. */
  recorded: number;
}

const text = "LowCardinality(String)";

export const workloadRecords: Table<WorkloadRow> = {
  name: "workload_records",
  columns: [
    { name: "kind", type: text, of: (row) => row.kind },
    { name: "namespace", type: text, of: (row) => row.namespace },
    { name: "name", type: "String", of: (row) => row.name },
    { name: "uid", type: "String", of: (row) => row.uid },
    { name: "workload", type: text, of: (row) => row.workload },
    { name: "workload_kind", type: text, of: (row) => row.workload_kind },
    { name: "node", type: text, of: (row) => row.node },
    { name: "addresses", type: "Array(IPv6)", of: (row) => row.addresses },
    { name: "labels", type: `Map(${text}, String)`, of: (row) => row.labels },
    { name: "namespace_labels", type: `Map(${text}, String)`, of: (row) => row.namespace_labels },
    { name: "host_network", type: "Bool", of: (row) => row.host_network },
    { name: "port_names", type: `Array(${text})`, of: (row) => row.ports.map((p) => p.name) },
    { name: "port_numbers", type: "Array(UInt16)", of: (row) => row.ports.map((p) => p.port) },
    {
      name: "port_protocols",
      type: `Array(${text})`,
      of: (row) => row.ports.map((p) => protocolName(p.protocol)),
    },
    { name: "since", type: "DateTime64(6, 'UTC')", of: (row) => row.since },
    { name: "until", type: "Nullable(DateTime64(6, 'UTC'))", of: (row) => row.until },
    { name: "recorded", type: "DateTime64(6, 'UTC')", of: (row) => row.recorded },
  ],
};
