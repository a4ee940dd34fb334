import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { objectPath } from "../test/bed.ts";
import { BpfObject } from "./object.ts";
import { attachRawTracepoint, attachTracepoint } from "./tracepoint.ts";

function load(): BpfObject {
  return BpfObject.open(objectPath("hooks"), { settings: { own_pid: process.pid } }).load();
}

const umask = { category: "syscalls", name: "sys_enter_umask" };

describe("tracepoints", () => {
  it("run the program at each hit, with their cookie, until closed", () => {
    using object = load();
    const link = attachTracepoint(object.program("on_tracepoint"), {
      ...umask,
      cookie: 0x1122334455667788n,
    });
    expect(link.info().type).toBe("perf_event");
    process.umask();
    const hits = object.globals.get("tracepoint_hits") as bigint;
    expect(hits).toBeGreaterThanOrEqual(1n);
    expect(object.globals.get("tracepoint_cookie")).toBe(0x1122334455667788n);
    link.close();
    process.umask();
    expect(object.globals.get("tracepoint_hits")).toBe(hits);
  });

  it("raw and typed ones see the kernel's own arguments", () => {
    using object = load();
    using raw = attachRawTracepoint(object.program("on_fork"), { name: "sched_process_fork" });
    using typed = attachRawTracepoint(object.program("on_fork_typed"), { name: "" });
    expect([raw.info().type, typed.info().type]).toEqual(["raw_tracepoint", "raw_tracepoint"]);
    execFileSync("true");
    expect(object.globals.get("raw_tracepoint_hits")).toBeGreaterThanOrEqual(1n);
    expect(object.globals.get("btf_tracepoint_hits")).toBeGreaterThanOrEqual(1n);
  });

  it("that do not exist are an error, whatever their name", () => {
    using object = load();
    const missing = expect.objectContaining({ code: "ENOENT" });
    const attach = (category: string, name: string) =>
      attachTracepoint(object.program("on_tracepoint"), { category, name });
    expect(() => attach("syscalls", "sys_enter_nothing")).toThrow(missing);
    expect(() => attach("..", "..")).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => attachRawTracepoint(object.program("on_fork"), { name: "nothing" })).toThrow(
      missing,
    );
  });
});
