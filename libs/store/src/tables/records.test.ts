import { readFile } from "node:fs/promises";
import { describe, expect, it } from "@jest/globals";
import { deadLetters } from "./dead-letters.ts";
import { events } from "./events.ts";
import { flowColumns } from "./flows.ts";
import { ledger, odometers } from "./ledger.ts";
import { workloadRecords } from "./workloads.ts";

// A record is defined in schemas/events. A column has its field's name and a type that takes
// it; here is said what is otherwise. That the engine has these columns is shown in tables.test.ts.

type AvroType = string | AvroType[] | { type: string; [more: string]: unknown };
interface Field {
  name: string;
  type: AvroType;
}

const text = /^(LowCardinality\()?String\)?$/;
/** How wide an int is meant to be, bpf/wire.h knows; more than 32 bits it is not. */
const number = { int: /^U?Int(8|16|32)$/, long: /^U?Int64$/ };

/** Whether every value of the Avro type has its place in a column of that type. */
function holds(column: string, type: AvroType): boolean {
  if (Array.isArray(type)) {
    const known = type.find((one) => one !== "null") ?? "null";
    // A text that is not there is empty.
    return holds(/^Nullable\((.*)\)$/.exec(column)?.[1] ?? column, known);
  }
  if (typeof type !== "string") return holdsComplex(column, type);
  if (type === "boolean") return column === "Bool";
  if (type === "string" || type === "bytes") return text.test(column);
  return type === "int" || type === "long" ? number[type].test(column) : false;
}

function holdsComplex(column: string, type: { type: string; [more: string]: unknown }): boolean {
  const inside = (pattern: RegExp) => pattern.exec(column)?.[1] ?? "";
  if (type["logicalType"] === "timestamp-micros")
    return column === "DateTime64(6, 'UTC')" || column === "Nullable(DateTime64(6, 'UTC'))";
  if (type.type === "array") return holds(inside(/^Array\((.*)\)$/), type["items"] as AvroType);
  if (type.type === "map")
    return holds(inside(/^Map\(LowCardinality\(String\), (.*)\)$/), type["values"] as AvroType);
  if (type.type === "fixed") return type["size"] === 16 && column === "IPv6";
  if (type.type !== "enum") return holds(column, type.type);
  const codes = (type["symbols"] as string[]).map((symbol, code) => `'${symbol}' = ${code}`);
  return text.test(column) || column === `Enum8(${codes.join(", ")})`;
}

async function fieldsOf(file: string, ...path: string[]): Promise<Field[]> {
  const url = new URL(`../../../../schemas/events/${file}`, import.meta.url);
  let { fields } = JSON.parse(await readFile(url, "utf8")) as { fields: Field[] };
  for (const name of path) {
    const array = fields.find((one) => one.name === name)?.type as unknown as {
      items: { fields: Field[] };
    };
    fields = array.items.fields;
  }
  return fields;
}

interface Mirror {
  table: string;
  columns: readonly { name: string; type: string }[];
  record: [file: string, ...path: string[]];
  /** Fields under another name, or under several; none: where the field goes instead. */
  renamed?: Record<string, string[]>;
  /** Columns that the record does not have, and whose they are. */
  added?: string[];
}

const block = ["node", "boot_id", "block"];
const names = (end: string) =>
  ["kind", "namespace", "workload", "pod", "name"].map((of) => end + of);
const flow = ["weir.flows.v1.avsc", "flows"] as const;
const process = flowColumns.filter(({ name }) => name.startsWith("process_"));

const mirrors: Mirror[] = [
  {
    table: "flows",
    columns: flowColumns,
    record: [...flow],
    renamed: {
      // Differences in a block, moments in a row.
      ...{ time: ["time"], first: ["start"], last: ["last"] },
      // For the collector's own accounting.
      ...{ sequence: [], cpu: [] },
      // Numbers of a list or of IANA, which the rows have as what they stand for.
      ...{ src_addr: ["src_addr"], dst_addr: ["dst_addr"], rule: ["reason"], reason: ["reason"] },
      protocol: ["protocol"],
      ...{ process: process.map(({ name }) => name), dns: ["dns_name"] },
      flags: ["answered", "refused", "guessed", "fragments", "before_start"],
    },
    added: [...block, ...names("src_"), ...names("dst_")],
  },
  {
    table: "flows",
    columns: process.map(({ name, type }) => ({ name: name.replace("process_", ""), type })),
    record: ["weir.flows.v1.avsc", "processes"],
  },
  { table: "events", columns: events.columns, record: ["weir.events.v1.avsc"] },
  { table: "dead_letters", columns: deadLetters.columns, record: ["weir.dead-letters.v1.avsc"] },
  {
    table: "ledger",
    columns: ledger.columns,
    record: ["weir.nodes.v1.avsc"],
    renamed: { odometers: [] },
  },
  {
    table: "odometers",
    columns: odometers.columns,
    record: ["weir.nodes.v1.avsc", "odometers"],
    added: ["time", "node", "boot_id"],
  },
  {
    table: "workload_records",
    columns: workloadRecords.columns,
    record: ["weir.workloads.v1.avsc"],
    renamed: { ports: ["port_names", "port_numbers", "port_protocols"] },
    added: ["recorded"],
  },
];

describe("the tables and the records that they are made of", () => {
  it.each(mirrors)("agree on $table and $record: every field, and its type", async (one) => {
    const { columns, record, renamed = {}, added = [] } = one;
    const fields = await fieldsOf(...record);
    const typeOf = new Map(columns.map(({ name, type }) => [name, type]));
    const without = fields
      .filter(({ name }) => !(name in renamed))
      .filter(({ name, type }) => !holds(typeOf.get(name) ?? "", unknownIsNull(type, typeOf, name)))
      .map(({ name, type }) => `${name}: ${JSON.stringify(type)}, ${typeOf.get(name)}`);
    expect(without).toEqual([]);
    const explained = new Set([...fields.flatMap(({ name }) => renamed[name] ?? [name]), ...added]);
    const unexplained = columns.map(({ name }) => name).filter((name) => !explained.has(name));
    expect(unexplained).toEqual([]);
    for (const name of Object.values(renamed).flat()) expect([...typeOf.keys()]).toContain(name);
  });

  it("would notice a field without its column, or one of another type", () => {
    expect(holds("", "string")).toBe(false);
    expect(holds("UInt32", "long")).toBe(false);
    expect(holds("UInt32", "int")).toBe(true);
    expect(holds("UInt64", "int")).toBe(false);
    expect(holds("Enum8('a' = 0, 'b' = 1)", { type: "enum", symbols: ["a", "c"] })).toBe(false);
    expect(holds("Array(IPv6)", { type: "array", items: { type: "fixed", size: 16 } })).toBe(true);
    expect(holds("Map(LowCardinality(String), UInt64)", { type: "map", values: "string" })).toBe(
      false,
    );
  });
});

/** 0 is unknown in a flow of a block, NULL in its row. */
function unknownIsNull(
  type: AvroType,
  columns: ReadonlyMap<string, string>,
  name: string,
): AvroType {
  return columns.get(name)?.startsWith("Nullable(") === true ? ["null", type] : type;
}
