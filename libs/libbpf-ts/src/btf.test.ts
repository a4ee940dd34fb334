import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { objectPath } from "../test/bed.ts";
import { Btf, readBtf } from "./btf.ts";

const path = objectPath("packets");

describe("BTF", () => {
  it("tells the layout of structs as the compiler made it, without loading anything", () => {
    const { size, fields } = readBtf(path).struct("packet_count");
    expect(size).toBe(56);
    expect(
      fields.map(({ name, kind, offset, size: bytes }) => `${name} ${kind} ${offset}+${bytes}`),
    ).toEqual([
      "packets u64 0+8",
      "bytes u64 8+8",
      "last struct 16+18",
      "balance s32 36+4",
      "color enum 40+4",
      "low bitfield 44+1",
      "high bitfield 44+2",
      "flag bool 46+1",
      "ports array 48+6",
    ]);
    const nested = fields.find((field) => field.name === "last");
    expect(nested?.typeName).toBe("nested");
    expect(nested?.fields?.[1]).toMatchObject({
      name: "address",
      kind: "array",
      offset: 2,
      length: 16,
    });
    expect(nested?.fields?.[1]?.element).toEqual({ kind: "u8", size: 1 });
  });

  it("tells enums with their values", () => {
    const { values } = readBtf(path).enum("color");
    expect([...values]).toEqual([
      ["RED", 1n],
      ["GREEN", 2n],
    ]);
  });

  it("reads an object from bytes as from its path", () => {
    expect(readBtf(readFileSync(path)).struct("packet_key")).toEqual(
      readBtf(path).struct("packet_key"),
    );
  });

  it("reads the raw BTF of the running kernel", () => {
    const kernel = readBtf("/sys/kernel/btf/vmlinux");
    expect(kernel.struct("iphdr").size).toBe(20);
    expect(kernel.struct("ipv6hdr").fields.map((field) => field.name)).toContain("saddr");
  });

  it("gives codecs by name", () => {
    const codec = readBtf(path).codec<{ ifindex: number; direction: number }>("packet_key");
    expect([...codec.encode({ ifindex: 258, direction: 2 })]).toEqual([2, 1, 0, 0, 2, 0, 0, 0]);
  });

  it("says what is missing", () => {
    const btf = readBtf(path);
    expect(() => btf.struct("color")).toThrow("BTF has no struct color");
    expect(() => btf.enum("packet_key")).toThrow("BTF has no enum packet_key");
    expect(() => btf.codec("nothing")).toThrow("BTF has no type nothing");
    expect(() => readBtf("/nonexistent")).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(() => new Btf(new Uint8Array(40))).toThrow("magic number is missing");
    expect(() => readBtf(new TextEncoder().encode("no object"))).toThrow(
      expect.objectContaining({ name: "BpfError" }),
    );
  });

  it("refuses raw BTF that is cut short", () => {
    const raw = readFileSync("/sys/kernel/btf/vmlinux");
    expect(() => new Btf(raw.subarray(0, 10_000))).toThrow(RangeError);
  });
});
