import type avro from "avsc";
import { flowLayout, flowRecordBytes, flowSymbols } from "./flow-layout.ts";
import { schemas } from "./schemas.ts";

const flows = (schemas.FlowBlock.type as avro.types.RecordType).field("flows").type;
const flow = (flows as avro.types.ArrayType).itemsType as avro.types.RecordType;

describe("the layout of struct weir_flow_record", () => {
  it("has the schema's fields in the schema's order", () => {
    expect(Object.keys(flowLayout)).toEqual(flow.fields.map((field) => field.name));
  });

  it("is dense and naturally aligned, without padding", () => {
    let end = 0;
    for (const { offset, bytes } of Object.values(flowLayout)) {
      expect(offset).toBe(end);
      expect(offset % Math.min(bytes, 8)).toBe(0);
      end += bytes;
    }
    expect(flowRecordBytes).toBe(end);
    expect(flowRecordBytes % 8).toBe(0);
  });

  it.each(Object.entries(flowSymbols))("has the schema's symbols of %s", (name, symbols) => {
    expect((flow.field(name).type as avro.types.EnumType).symbols).toEqual([...symbols]);
  });
});
