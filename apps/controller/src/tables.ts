import { topics } from "@weir/bus";
import type { Bus, TableReader } from "@weir/bus";
import { policyChangeCodec, policySetCodec, workloadCodec } from "@weir/codec";
import type { PolicyChange, PolicySet, RecordCodec, Workload } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";

export interface TableDoors {
  bus: Bus;
  log: Log;
  counters: PartCounters;
}

/** The policy set this controller published last, and the workloads; read once. */
export async function readFormerLife(
  doors: TableDoors,
): Promise<{ set: PolicySet | undefined; workloads: Map<string, Workload> }> {
  const workloads = new Map<string, Workload>();
  let set: PolicySet | undefined;
  const sets = await follow(doors, topics.policies.name, policySetCodec, (_key, record) => {
    // The highest counts: whatever order a topic with several keys would give, we never go back.
    if (record && record.revision >= (set?.revision ?? 0)) set = record;
  });
  const table = await follow(doors, topics.workloads.name, workloadCodec, (key, record) => {
    if (record) workloads.set(key, record);
    else workloads.delete(key);
  });
  // From here on only this controller writes them.
  await Promise.all([sets, table].map((reader) => reader.caughtUp));
  await Promise.all([sets, table].map((reader) => reader.close()));
  return { set, workloads };
}

/** The policies that somebody wants, as they change. */
export function followDocuments(
  doors: TableDoors,
  onRecord: (key: string, change: PolicyChange | null) => void,
): Promise<TableReader> {
  return follow(doors, topics.policyDocuments.name, policyChangeCodec, onRecord);
}

function follow<Record>(
  { bus, log, counters }: TableDoors,
  topic: string,
  codec: RecordCodec<Record>,
  onRecord: (key: string, record: Record | null) => void,
): Promise<TableReader> {
  return bus.readTable({
    topic,
    onRecord(key, value, { offset }) {
      counters.received();
      let record: Record | null;
      try {
        record = value && codec.decode(value);
      } catch (error) {
        counters.error("malformed");
        log.error(
          { error, topic, key, offset: String(offset) },
          "a record that cannot be read is passed over; what was known stays",
        );
        return;
      }
      onRecord(key, record);
    },
    onError: (error) => log.warn({ error, topic }, "a table is interrupted"),
  });
}
