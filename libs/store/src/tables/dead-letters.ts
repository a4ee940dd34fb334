import type { DeadLetter } from "@weir/codec";
import type { Table } from "./table.ts";

const nothing = new Uint8Array(0);

export const deadLetters: Table<DeadLetter> = {
  name: "dead_letters",
  columns: [
    { name: "time", type: "DateTime64(6, 'UTC')", of: (row) => row.time },
    { name: "topic", type: "LowCardinality(String)", of: (row) => row.topic },
    { name: "partition", type: "UInt32", of: (row) => row.partition },
    { name: "offset", type: "UInt64", of: (row) => row.offset },
    { name: "function", type: "LowCardinality(String)", of: (row) => row.function },
    { name: "reason", type: "String", of: (row) => row.reason },
    { name: "key", type: "String", of: (row) => row.key ?? nothing },
    { name: "value", type: "String", of: (row) => row.value ?? nothing },
  ],
};
