import type { NodeReport, Odometer } from "@weir/codec";
import { recordColumns } from "./record.ts";
import { codecs, type RowColumn, type Table } from "./table.ts";

const of = recordColumns<NodeReport>("weir.nodes.v1");
const plain = { codec: codecs.plain };
const rising = { codec: codecs.rising };

const reports = {
  engine: "MergeTree",
  partitionBy: "toMonday(time)",
  ttl: { time: "toDateTime(time)", days: 90 },
  deduplicationWindow: 1000,
  shardBy: "cityHash64(node)",
} as const;

/** One row per report of a collector. */
export const ledger: Table<NodeReport> = {
  name: "ledger",
  comment: "Reports of the collectors: what was produced and what was lost. Totals, not deltas.",
  columns: [
    of("time", rising),
    of("node"),
    of("boot_id"),
    of("version"),
    of("generation", plain),
    of("revision", plain),
    of("mode", { isNamed: true }),
    of("error", {
      comment: "Why the newest policy is not in force; empty: it is.",
      of: (row) => row.error ?? "",
    }),
    of("blocks", rising),
    of("produced", rising),
    of("lost", plain),
    of("counters", plain),
    of("attached", plain),
    of("hooks", plain),
  ],
  ...reports,
  orderBy: "(node, boot_id, time)",
};

export interface OdometerRow extends Odometer {
  /** Microseconds since 1970. */
  time: number;
  node: string;
  boot_id: string;
}

const ofReport = recordColumns<OdometerRow>("weir.nodes.v1");
const ofInterface = recordColumns<OdometerRow>("weir.nodes.v1", "odometers");
const total = (name: keyof Odometer): RowColumn<OdometerRow> => ofInterface(name, rising);

/** One row per interface of a report. */
export const odometers: Table<OdometerRow> = {
  name: "odometers",
  comment: "Totals of every watched interface since boot. What flows add up to must equal them.",
  columns: [
    ofReport("time", rising),
    ofReport("node"),
    ofReport("boot_id"),
    ofInterface("ifindex", plain),
    ofInterface("interface"),
    ofInterface("namespace"),
    ofInterface("pod"),
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
  ...reports,
  orderBy: "(node, boot_id, ifindex, time)",
};

/** The interfaces of a report as rows of `odometers`. */
export function odometerRows(report: NodeReport): OdometerRow[] {
  const { time, node, boot_id } = report;
  return report.odometers.map((odometer) => ({ ...odometer, time, node, boot_id }));
}
