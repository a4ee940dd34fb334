import { readFileSync } from "node:fs";
import { flowFlags, flowLayout, flowRecordBytes, flowSymbols } from "@weir/codec";
import { readBtf } from "libbpf-ts";
import { objectPath } from "./datapath.ts";

interface AvroField {
  name: string;
  type: AvroType;
}
type AvroType =
  | string
  | {
      type: string;
      name?: string;
      size?: number;
      symbols?: string[];
      items?: AvroType;
      fields?: AvroField[];
    };

const root = new URL("../../../", import.meta.url).pathname;
const btf = readBtf(objectPath);

function schema(name: string): { fields: AvroField[] } {
  return JSON.parse(readFileSync(`${root}schemas/events/${name}.avsc`, "utf8")) as {
    fields: AvroField[];
  };
}

/** Fields of the records that the array `field` holds. */
function itemsOf(name: string, field: string): AvroField[] {
  const type = schema(name).fields.find((one) => one.name === field)?.type;
  const items = typeof type === "object" ? type.items : undefined;
  return typeof items === "object" ? (items.fields ?? []) : [];
}

const padding = (field: { name: string }): boolean => field.name !== "pad";

describe("what crosses from the kernel is what the schemas say", () => {
  const flow = itemsOf("weir.flows.v1", "flows");
  const struct = btf.struct("weir_flow_record");

  it("flow records have the same fields in the same order", () => {
    expect(struct.fields.filter(padding).map((one) => one.name)).toEqual(
      flow.map((one) => one.name),
    );
  });

  it("flow records have fields of types that fit", () => {
    for (const field of struct.fields.filter(padding)) {
      const type = flow.find((one) => one.name === field.name)?.type;
      // The collector puts an index in the place of what the kernel calls a process.
      if (field.name === "process") expect([field.kind, type]).toEqual(["u64", "int"]);
      else if (field.kind === "u64") expect(type).toBe("long");
      // An address is an index into the block's list of them.
      else if (field.kind === "array") expect([field.size, type]).toEqual([16, "int"]);
      else if (typeof type === "object") expect(type.type).toBe("enum");
      else expect([field.name, type]).toEqual([field.name, "int"]);
    }
  });

  it("the codec reads flow records where BTF has their fields", () => {
    expect(struct.size).toBe(flowRecordBytes);
    const layout = Object.fromEntries(
      struct.fields
        .filter(padding)
        .map((one) => [one.name, { offset: one.offset, bytes: one.size }]),
    );
    expect(layout).toEqual(flowLayout);
  });

  it("no struct has a hole that the compiler filled in", () => {
    for (const [name, { size, fields }] of btf.structs) {
      if (!name.startsWith("weir_")) continue;
      let end = 0;
      for (const field of fields) {
        expect([name, field.name, field.offset]).toEqual([name, field.name, end]);
        end = field.offset + field.size;
      }
      expect([name, end]).toEqual([name, size]);
    }
  });

  it.each([
    ["direction", "weir_direction", /^WEIR_(DIRECTION_)?/],
    ["verdict", "weir_verdict", /^WEIR_(VERDICT_)?/],
    ["reason", "weir_reason", /^WEIR_REASON_/],
    ["kind", "weir_kind", /^WEIR_(KIND_)?/],
    ["close_reason", "weir_close_reason", /^WEIR_CLOSE_/],
  ] as const)("the symbols of %s are the values of enum %s", (field, name, prefix) => {
    const type = flow.find((one) => one.name === field)?.type;
    const symbols = typeof type === "object" ? (type.symbols ?? []) : [];
    const values = [...btf.enum(name).values].map(([symbol, value]) => [
      symbol.replace(prefix, "").toLowerCase(),
      Number(value),
    ]);
    expect(values).toEqual(symbols.map((symbol, index) => [symbol, index]));
    expect(flowSymbols[field]).toEqual(symbols);
  });

  it("odometers have the counters of the node's report", () => {
    const counters = itemsOf("weir.nodes.v1", "odometers").filter((one) => one.type === "long");
    const fields = btf.struct("weir_odometer").fields;
    expect(fields.map((one) => one.name)).toEqual(counters.map((one) => one.name));
    expect(fields.every((one) => one.kind === "u64")).toBe(true);
  });

  it("modes have the symbols of the policy set", () => {
    const type = schema("weir.policies.v1").fields.find((one) => one.name === "mode")?.type;
    const symbols = typeof type === "object" ? type.symbols : [];
    const values = [...btf.enum("weir_mode").values.keys()];
    expect(values.map((one) => one.replace("WEIR_MODE_", "").toLowerCase())).toEqual(symbols);
  });

  it("flags have the bits that the codec knows", () => {
    const header = readFileSync(`${root}bpf/wire.h`, "utf8");
    const found = [...header.matchAll(/#define WEIR_FLAG_(\w+) \(1 << (\d)\)/g)].map(
      ([, name = "", bit]) => [
        name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
        2 ** Number(bit),
      ],
    );
    expect(Object.fromEntries(found)).toEqual(flowFlags);
  });
});
