import { protocolName, type Workload } from "@weir/codec";
import { recordColumns } from "./record.ts";
import { column, nameType, type Table, type TableDefinition, timeType } from "./table.ts";

export interface WorkloadRow extends Workload {
  /** Microseconds since 1970: when the record was made. Of two about one life the later counts. */
  recorded: number;
}

const of = recordColumns<WorkloadRow>("weir.workloads.v1");

export const workloadRecords: Table<WorkloadRow> = {
  name: "workload_records",
  comment: "What the view workloads reads.",
  columns: [
    of("kind", { isNamed: true, comment: "pod, service, node or host." }),
    of("namespace"),
    of("name", { isText: true }),
    of("uid", { isText: true }),
    of("workload"),
    of("workload_kind"),
    of("node"),
    of("addresses"),
    of("labels", { isText: true }),
    of("namespace_labels", { isText: true }),
    of("host_network"),
    {
      ...column(
        "port_names",
        `Array(${nameType})`,
        "Names of its ports, in the order of port_numbers.",
      ),
      of: (row) => row.ports.map((port) => port.name),
    },
    {
      ...column("port_numbers", "Array(UInt16)", "Its declared ports."),
      of: (row) => row.ports.map(({ port }) => port),
    },
    {
      ...column(
        "port_protocols",
        `Array(${nameType})`,
        "Protocols of its ports, in the order of port_numbers.",
      ),
      of: (row) => row.ports.map(({ protocol }) => protocolName(protocol)),
    },
    of("since"),
    of("until"),
    {
      ...column("recorded", timeType, "When weir was told; the latest record of a life counts."),
      of: (row) => row.recorded,
    },
  ],
  engine: "ReplacingMergeTree(recorded)",
  orderBy: "(kind, namespace, name, uid, since)",
  deduplicationWindow: 1000,
  shardBy: "cityHash64(kind, namespace, name, uid)",
};

/** The same, without an end: nobody writes it but the view below. */
export const workloadVersions: TableDefinition = {
  ...workloadRecords,
  name: "workload_versions",
  comment:
    "Every record of a workload, also those that a later one replaced; what the view workload_history reads.",
  engine: "ReplacingMergeTree",
  orderBy: "(kind, namespace, name, uid, since, recorded)",
};
