import type { DeadLetter } from "@weir/codec";
import { recordColumns } from "./record.ts";
import { codecs, type Table } from "./table.ts";

const nothing = new Uint8Array(0);
const of = recordColumns<DeadLetter>("weir.dead-letters.v1");

export const deadLetters: Table<DeadLetter> = {
  name: "dead_letters",
  comment: "Messages that a function could not take; their neighbours went on.",
  columns: [
    of("time", { codec: codecs.rising }),
    of("topic"),
    of("partition"),
    of("offset"),
    of("function"),
    of("reason", { isText: true, codec: codecs.plain }),
    of("key", { codec: codecs.plain, of: (row) => row.key ?? nothing }),
    of("value", { codec: codecs.plain, of: (row) => row.value ?? nothing }),
  ],
  engine: "MergeTree",
  partitionBy: "toYYYYMM(time)",
  orderBy: "(topic, partition, offset)",
  ttl: { time: "toDateTime(time)", days: 30 },
  deduplicationWindow: 1000,
  shardBy: "cityHash64(topic, partition)",
};
