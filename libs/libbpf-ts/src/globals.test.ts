import { describe, expect, it } from "@jest/globals";
import { objectPath } from "../test/bed.ts";
import { BpfObject } from "./object.ts";
import { testRun } from "./test_run.ts";

const packet = { dataIn: new Uint8Array(64) };

describe("globals", () => {
  it("are shared with the program, both ways", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    const { globals } = object;
    expect(globals.get("sequence")).toBe(0n);
    testRun(object.program("produce"), packet);
    expect(globals.get("sequence")).toBe(1n);
    globals.set("sequence", 10n);
    testRun(object.program("produce"), packet);
    expect(globals.get("sequence")).toBe(11n);
    expect(new TextDecoder().decode(globals.get("label") as Uint8Array)).toBe("abc\0\0\0\0\0");
    globals.set("label", new TextEncoder().encode("other"));
    expect(globals.get("label")).toEqual(new TextEncoder().encode("other\0\0\0"));
  });

  it("of two objects are apart", () => {
    using one = BpfObject.open(objectPath("packets")).load();
    using other = BpfObject.open(objectPath("packets")).load();
    one.globals.set("written", 77);
    expect(one.globals.get("written")).toBe(77);
    expect(other.globals.get("written")).toBe(5);
  });

  it("refuse unknown names, constants, misfits and a closed object", () => {
    const object = BpfObject.open(objectPath("packets")).load();
    const { globals } = object;
    expect(globals.names).toEqual(expect.arrayContaining(["sequence", "written", "label", "mark"]));
    expect(() => globals.get("nothing")).toThrow("sequence");
    expect(() => globals.set("mark", 3)).toThrow(expect.objectContaining({ code: "EPERM" }));
    expect(() => globals.set("written", -1)).toThrow(RangeError);
    globals.get("written");
    object.close();
    expect(() => globals.get("written")).toThrow(expect.objectContaining({ code: "EBADF" }));
  });
});
