import { describe, expect, it } from "@jest/globals";
import { readTypes } from "./btf_types.ts";

const strings = "\0sample\0A\0B\0";
const sample = 1;
const a = 8;
const b = 10;

/** A BTF blob of types made by hand, as u32 words. */
function blob(...words: number[]): Uint8Array {
  const types = new Uint8Array(Uint32Array.from(words).buffer);
  const header = new DataView(new ArrayBuffer(24));
  header.setUint16(0, 0xeb9f, true);
  header.setUint8(2, 1);
  for (const [at, value] of [24, 0, types.length, types.length, strings.length].entries()) {
    header.setUint32(4 + at * 4, value, true);
  }
  return Buffer.concat([new Uint8Array(header.buffer), types, Buffer.from(strings)]);
}

function info(kind: number, count: number, flag: boolean = false): number {
  return ((flag ? 2 ** 31 : 0) + kind * 2 ** 24 + count) >>> 0;
}

describe("BTF types", () => {
  it("reads signed, unsigned and 64-bit enums", () => {
    const signed = readTypes(blob(sample, info(6, 2, true), 4, a, 0xffffffff, b, 7))[1];
    expect(signed).toMatchObject({ kind: "enum", name: "sample", size: 4, signed: true });
    expect(signed?.kind === "enum" && [...signed.values]).toEqual([
      ["A", -1n],
      ["B", 7n],
    ]);
    const unsigned = readTypes(blob(sample, info(6, 1), 4, a, 0xffffffff))[1];
    expect(unsigned?.kind === "enum" && unsigned.values.get("A")).toBe(0xffffffffn);
    const wide = readTypes(
      blob(sample, info(19, 2, true), 8, a, 5, 1, b, 0xffffffff, 0xffffffff),
    )[1];
    expect(wide?.kind === "enum" && [...wide.values.values()]).toEqual([0x1_0000_0005n, -1n]);
  });

  it("tells bit fields from plain members by the struct's flag", () => {
    const flagged = readTypes(blob(sample, info(4, 1, true), 4, a, 1, 3 * 2 ** 24 + 5))[1];
    expect(flagged).toMatchObject({ members: [{ name: "A", bitOffset: 5, bitWidth: 3 }] });
    const plain = readTypes(blob(sample, info(4, 1), 4, a, 1, 32))[1];
    expect(plain).toMatchObject({ members: [{ name: "A", bitOffset: 32, bitWidth: 0 }] });
  });

  it("passes over what has no layout and keeps the ids", () => {
    const types = readTypes(
      blob(
        sample,
        info(12, 0),
        2,
        0,
        info(13, 1),
        0,
        a,
        1,
        sample,
        info(17, 0),
        1,
        0,
        sample,
        info(16, 0),
        8,
      ),
    );
    expect(types.map((type) => type.kind)).toEqual(["void", "other", "other", "other", "float"]);
  });

  it("refuses kinds it does not know and sections that end early", () => {
    expect(() => readTypes(blob(sample, info(30, 0), 0))).toThrow("BTF kind 30 is newer");
    expect(() => readTypes(blob(sample, info(6, 5), 4))).toThrow(RangeError);
  });
});
