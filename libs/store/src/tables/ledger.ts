import type { NodeReport, Odometer } from "@weir/codec";
import type { Table } from "./table.ts";

const text = "LowCardinality(String)";
const counters = `Map(${text}, UInt64)`;

/** One row per report of a collector. */
export const ledger: Table<NodeReport> = {
  name: "ledger",
  columns: [
    { name: "time", type: "DateTime64(6, 'UTC')", of: (row) => row.time },
    { name: "node", type: text, of: (row) => row.node },
    { name: "boot_id", type: text, of: (row) => row.boot_id },
    { name: "version", type: text, of: (row) => row.version },
    { name: "generation", type: "UInt32", of: (row) => row.generation },
    { name: "revision", type: "UInt32", of: (row) => row.revision },
    { name: "mode", type: text, of: (row) => row.mode },
    { name: "error", type: text, of: (row) => row.error ?? "" },
    { name: "blocks", type: "UInt64", of: (row) => row.blocks },
    { name: "produced", type: "UInt64", of: (row) => row.produced },
    { name: "lost", type: counters, of: (row) => row.lost },
    { name: "counters", type: counters, of: (row) => row.counters },
    { name: "attached", type: `Array(${text})`, of: (row) => row.attached },
    { name: "hooks", type: `Map(${text}, ${text})`, of: (row) => row.hooks },
  ],
};

export interface OdometerRow extends Odometer {
  /** Microseconds since 1970. */
  time: number;
  node: string;
  boot_id: string;
}

const total = (name: keyof Odometer) => ({
  name,
  type: "UInt64",
  of: (row: OdometerRow) => row[name],
});

/** One row per interface of a report. */
export const odometers: Table<OdometerRow> = {
  name: "odometers",
  columns: [
    { name: "time", type: "DateTime64(6, 'UTC')", of: (row) => row.time },
    { name: "node", type: text, of: (row) => row.node },
    { name: "boot_id", type: text, of: (row) => row.boot_id },
    { name: "ifindex", type: "UInt32", of: (row) => row.ifindex },
    { name: "interface", type: text, of: (row) => row.interface },
    { name: "namespace", type: text, of: (row) => row.namespace },
    { name: "pod", type: text, of: (row) => row.pod },
    total("from_packets"),
    total("from_bytes"),
    total("to_packets"),
    total("to_bytes"),
    total("other_packets"),
    total("malformed_packets"),
    total("malformed_bytes"),
    total("untracked_packets"),
    total("untracked_bytes"),
    total("denied_packets"),
    total("untracked_connections"),
    total("late_edges"),
  ],
};

/** The interfaces of a report as rows of `odometers`. */
export function odometerRows(report: NodeReport): OdometerRow[] {
  const { time, node, boot_id } = report;
  return report.odometers.map((odometer) => ({ ...odometer, time, node, boot_id }));
}
