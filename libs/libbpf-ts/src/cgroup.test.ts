import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { objectPath, ownName, Pin } from "../test/bed.ts";
import { attachCgroup } from "./cgroup.ts";
import { BpfObject } from "./object.ts";
import { BpfProgram } from "./program.ts";

const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync("/proc/mounts", "utf8"))?.[1];

class Cgroup implements Disposable {
  readonly path: string = join(mount as string, ownName("cgroup"));

  constructor() {
    mkdirSync(this.path);
  }

  /** The error code of a connect to a closed port, made by a process inside. */
  connect(): string {
    const script = `
      require("node:fs").writeFileSync(process.argv[1], String(process.pid));
      require("node:net").connect(9, "127.0.0.1").on("error", (error) => console.log(error.code));`;
    const procs = join(this.path, "cgroup.procs");
    return execFileSync(process.execPath, ["-e", script, procs], {
      encoding: "utf8",
      timeout: 10_000,
    }).trim();
  }

  [Symbol.dispose](): void {
    rmdirSync(this.path);
  }
}

describe("cgroup", () => {
  it("has a cgroup v2 to test in", () => {
    expect(mount).toBeDefined();
  });

  it("judges the connects of the processes inside, and of no others, until it is closed", () => {
    using inside = new Cgroup();
    using outside = new Cgroup();
    using object = BpfObject.open(objectPath("hooks")).load();
    const link = attachCgroup(object.program("refuse_connect"), { cgroupPath: inside.path });
    expect(link.info()).toMatchObject({ type: "cgroup", attachType: "cgroup_inet4_connect" });
    expect(inside.connect()).toBe("EPERM");
    expect(outside.connect()).toBe("ECONNREFUSED");
    expect(object.globals.get("connects")).toBe(1n);
    link.close();
    expect(inside.connect()).toBe("ECONNREFUSED");
  });

  it("asks for the attach type where the program does not tell it", () => {
    using inside = new Cgroup();
    using pin = new Pin();
    using object = BpfObject.open(objectPath("hooks")).load();
    object.program("refuse_connect").pin(pin.path);
    using program = BpfProgram.openPinned(pin.path);
    expect(() => attachCgroup(program, { cgroupPath: inside.path })).toThrow("pass it");
    using link = attachCgroup(program, {
      cgroupPath: inside.path,
      attachType: "cgroup_inet4_connect",
    });
    expect(inside.connect()).toBe("EPERM");
    expect(link.closed).toBe(false);
    expect(() =>
      attachCgroup(program, { cgroupPath: inside.path, attachType: "cgroup_inet6_connect" }),
    ).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});
