import { topics } from "@weir/bus";
import type { Bus, Message, TableReader } from "@weir/bus";
import { PolicyFeed, policyChangeCodec, workloadCodec } from "@weir/codec";
import type { Workload } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";
import type { DocumentRecord } from "./document-intake.ts";
import { PublishedPolicy } from "./published-policy.ts";

export interface TableDoors {
  bus: Bus;
  log: Log;
  counters: PartCounters;
}

/** What this controller published before it was started again. */
export interface FormerLife {
  published: PublishedPolicy | undefined;
  /** Keys that the topic of policies holds. */
  keys: Set<string>;
  workloads: Map<string, Workload>;
}

/** Read once: from here on only this controller writes these topics. */
export async function readFormerLife(doors: TableDoors): Promise<FormerLife> {
  const former: FormerLife = { published: undefined, keys: new Set(), workloads: new Map() };
  const feed = new PolicyFeed();
  const readers = [
    await follow(doors, topics.policies.name, (key, value) => {
      if (value === null) former.keys.delete(key);
      else former.keys.add(key);
      for (const { set, delta } of feed.read(key, value)) {
        if (set) former.published = PublishedPolicy.of(set);
        else former.published?.follow(delta);
      }
    }),
    await follow(doors, topics.workloads.name, (key, value) => {
      if (value) former.workloads.set(key, workloadCodec.decode(value));
      else former.workloads.delete(key);
    }),
  ];
  await Promise.all(readers.map((reader) => reader.caughtUp));
  await Promise.all(readers.map((reader) => reader.close()));
  return former;
}

/** The policies that somebody wants, as they change. */
export function followDocuments(
  doors: TableDoors,
  onRecord: (record: DocumentRecord) => void,
): Promise<TableReader> {
  return follow(doors, topics.policyDocuments.name, (key, value, { headers }) =>
    onRecord({ key, change: value && policyChangeCodec.decode(value), headers }),
  );
}

function follow(
  { bus, log, counters }: TableDoors,
  topic: string,
  onRecord: (key: string, value: Uint8Array | null, message: Message) => void,
): Promise<TableReader> {
  return bus.readTable({
    topic,
    onRecord(key, value, message) {
      counters.received();
      try {
        onRecord(key, value, message);
      } catch (error) {
        counters.error("malformed");
        log.error(
          { error, topic, key, offset: String(message.offset) },
          "a record that cannot be read is passed over; what was known stays",
        );
      }
    },
    onError: (error) => log.warn({ error, topic }, "a table is interrupted"),
  });
}
