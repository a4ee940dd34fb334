import { recordColumns } from "./record.ts";
import { codecs, type Table } from "./table.ts";

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

const of = recordColumns<EventRow>("weir.events.v1");

export const events: Table<EventRow> = {
  name: "events",
  comment: "What happened that is no flow.",
  columns: [
    of("time", { codec: codecs.rising }),
    of("node"),
    of("boot_id", { of: (row) => row.bootId }),
    of("kind"),
    of("namespace"),
    of("workload"),
    of("pod"),
    of("text", { isText: true, codec: codecs.plain }),
    of("fields", { isText: true, codec: codecs.plain }),
  ],
  engine: "MergeTree",
  partitionBy: "toDate(time)",
  orderBy: "(kind, namespace, workload, time)",
  ttl: { time: "toDateTime(time)", days: 90 },
  deduplicationWindow: 1000,
  shardBy: "cityHash64(node)",
};
