import { describe, expect, it } from "@jest/globals";
import type { Value } from "./codec.ts";
import { codecOf } from "./codec.ts";
import type { Layout } from "./layout.ts";

const layout: Layout = {
  kind: "struct",
  size: 32,
  typeName: "sample",
  fields: [
    { name: "wide", kind: "u64", offset: 0, size: 8 },
    { name: "signed", kind: "s32", offset: 8, size: 4 },
    { name: "small", kind: "u16", offset: 12, size: 2 },
    { name: "flag", kind: "bool", offset: 14, size: 1 },
    { name: "bits", kind: "bitfield", offset: 15, size: 1, bitOffset: 2, bitWidth: 3 },
    {
      name: "bytes",
      kind: "array",
      offset: 16,
      size: 4,
      length: 4,
      element: { kind: "u8", size: 1 },
    },
    {
      name: "list",
      kind: "array",
      offset: 20,
      size: 4,
      length: 2,
      element: { kind: "u16", size: 2 },
    },
    {
      name: "nested",
      kind: "struct",
      offset: 24,
      size: 8,
      fields: [{ name: "inside", kind: "s64", offset: 0, size: 8 }],
    },
  ],
};
const codec = codecOf<Record<string, Value>>(layout, "sample");

describe("codec", () => {
  it("puts every kind where the layout says, little endian", () => {
    const bytes = codec.encode({
      wide: 0x0102030405060708n,
      signed: -2,
      small: 0xabcd,
      flag: true,
      bits: 5,
      bytes: new Uint8Array([9, 8]),
      list: [1, 2],
      nested: { inside: -1n },
    });
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "0807060504030201" +
        "feffffff" +
        "cdab" +
        "01" +
        "14" +
        "09080000" +
        "01000200" +
        "ffffffffffffffff",
    );
    expect(codec.decode(bytes)).toEqual({
      wide: 0x0102030405060708n,
      signed: -2,
      small: 0xabcd,
      flag: true,
      bits: 5,
      bytes: new Uint8Array([9, 8, 0, 0]),
      list: [1, 2],
      nested: { inside: -1n },
    });
  });

  it("clears what the value leaves out, also in bytes that were used before", () => {
    const used = new Uint8Array(40).fill(0xff);
    codec.encode({ small: 1 }, used, 4);
    expect([...used.subarray(0, 4)]).toEqual([255, 255, 255, 255]);
    expect(used.subarray(4, 36).filter((byte) => byte !== 0)).toEqual(new Uint8Array([1]));
    expect([...used.subarray(36)]).toEqual([255, 255, 255, 255]);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ small: 65_536 }, "sample.small: 65536 does not fit into u16"],
    [{ small: -1 }, "sample.small: -1 does not fit into u16"],
    [{ wide: 2n ** 64n }, "does not fit into u64"],
    [{ bits: 8 }, "does not fit into u3"],
    [{ bytes: new Uint8Array(5) }, "sample.bytes: 5 bytes, room for 4"],
    [{ list: [1, 2, 3] }, "3 elements, room for 2"],
    [{ small: 1.5 }, "an integer is wanted"],
    [{ small: "1" }, "an integer is wanted, not string 1"],
    [{ flag: 2 }, "a boolean is wanted"],
    [{ nested: 3 }, "an object is wanted"],
    [{ nested: { outside: 1 } }, "sample.nested has no field outside; it has inside"],
    [{ list: [70_000] }, "sample.list[0]: 70000 does not fit"],
  ])("refuses %p", (value, message) => {
    expect(() => codec.encode(value as Record<string, Value>)).toThrow(message);
  });

  it("refuses bytes that are too short, both ways", () => {
    expect(() => codec.decode(new Uint8Array(31))).toThrow("sample takes 32 bytes, 31 are left");
    expect(() => codec.encode({}, new Uint8Array(33), 2)).toThrow(
      "sample takes 32 bytes, 31 are left",
    );
  });

  it("decodes copies: the bytes may be used again", () => {
    const bytes = codec.encode({ bytes: new Uint8Array([1, 2, 3, 4]) });
    const { bytes: decoded } = codec.decode(bytes);
    bytes.fill(0);
    expect(decoded).toEqual(new Uint8Array([1, 2, 3, 4]));
  });
});
