import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { objectPath } from "../test/bed.ts";
import { functionOffset } from "./elf_symbol.ts";
import { BpfObject } from "./object.ts";
import { attachUprobe } from "./uprobe.ts";

const libc = /\S+\/libc\.so\.6$/m.exec(readFileSync("/proc/self/maps", "utf8"))?.[0] as string;

describe("uprobe", () => {
  it("runs at a function's start and return in this process", () => {
    using object = BpfObject.open(objectPath("hooks")).load();
    const at = { path: libc, symbol: "umask", pid: process.pid };
    const start = attachUprobe(object.program("on_call"), { ...at, cookie: 77n });
    using end = attachUprobe(object.program("on_return"), { ...at, onReturn: true });
    const mask = process.umask();
    const hits = object.globals.get("uprobe_hits") as bigint;
    expect(hits).toBeGreaterThanOrEqual(1n);
    expect(object.globals.get("uprobe_cookie")).toBe(77n);
    expect(object.globals.get("return_hits")).toBe(hits);
    // Node reads the mask by setting 0 and setting it back: the last call returns 0.
    expect([0n, BigInt(mask)]).toContain((object.globals.get("returned") as bigint) & 0xfffn);
    start.close();
    process.umask();
    expect(object.globals.get("uprobe_hits")).toBe(hits);
    expect(end.info().type).toBe("perf_event");
  });

  it("takes an offset in the file as well", () => {
    using object = BpfObject.open(objectPath("hooks")).load();
    const offset = functionOffset(libc, "umask");
    using link = attachUprobe(object.program("on_call"), { path: libc, offset, pid: process.pid });
    process.umask();
    expect(object.globals.get("uprobe_hits")).toBeGreaterThanOrEqual(1n);
    expect(link.closed).toBe(false);
  });

  it("says what is missing", () => {
    using object = BpfObject.open(objectPath("hooks")).load();
    const attach = (path: string, symbol?: string) =>
      attachUprobe(object.program("on_call"), {
        path,
        ...(symbol === undefined ? {} : { symbol }),
      });
    expect(() => attach(libc)).toThrow("a symbol or an offset is missing");
    expect(() => attach(libc, "no_such_function")).toThrow("has no function no_such_function");
    expect(() => attach("/etc/hostname", "main")).toThrow("is no 64-bit little-endian ELF file");
    expect(() => attach("/nonexistent", "main")).toThrow("ENOENT");
  });
});
