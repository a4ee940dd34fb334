import { describe, expect, it } from "@jest/globals";
import { objectPath } from "../test/bed.ts";
import type { Value } from "./codec.ts";
import { BpfObject } from "./object.ts";
import { testRun } from "./test_run.ts";

const packet = { dataIn: new Uint8Array(64) };

function open(settings: Record<string, Value>): BpfObject {
  return BpfObject.open(objectPath("packets"), { settings });
}

describe("settings", () => {
  it("are what the program computes with; others keep their value", () => {
    using plain = open({}).load();
    expect(testRun(plain.program("read_settings"), packet).retval).toBe(7 + 1 + 4 + 100 - 1 + 5);
    const settings = {
      limit_ns: 30n,
      mark: 9,
      tag: new Uint8Array([0, 0, 0, 50]),
      emit: false,
      offset: -3,
    };
    using object = open(settings).load();
    expect(testRun(object.program("read_settings"), packet).retval).toBe(30 + 9 + 50 + 0 - 3 + 5);
    expect(object.globals.get("limit_ns")).toBe(30n);
  });

  it.each<[Record<string, Value>, string]>([
    [{ nothing: 1 }, "ENOENT"],
    [{ written: 1 }, "it is in .data, not const volatile"],
    [{ mark: 2 ** 32 }, "mark: 4294967296 does not fit into u32"],
    [{ offset: 40_000 }, "offset: 40000 does not fit into s16"],
    [{ limit_ns: -1n }, "limit_ns: -1 does not fit into u64"],
    [{ mark: 1.5 }, "mark: an integer is wanted"],
    [{ emit: 7 }, "emit: a boolean is wanted"],
    [{ tag: new Uint8Array(5) }, "tag: 5 bytes, room for 4"],
    [{ tag: 5 }, "tag: bytes are wanted"],
  ])("refuses %p", (settings, message) => {
    expect(() => open(settings)).toThrow(message);
  });
});
