import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  announceCollectors,
  CollectorSign,
  collectorPath,
  removeVoidSigns,
  watchedBy,
  withdrawCollectors,
} from "./lab-collectors.ts";

describe("the sign of a node's collector", () => {
  let run: string;
  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), "sign-"));
  });
  afterEach(() => rmSync(run, { recursive: true, force: true }));

  it("tells whom it watches, until it is withdrawn", () => {
    expect(watchedBy(run, "n")).toBeUndefined();
    const sign = new CollectorSign(run, "n");
    sign.attached([]);
    expect(watchedBy(run, "n")).toEqual(new Set());
    sign.attached(["one", "two"]);
    expect(watchedBy(run, "n")).toEqual(new Set(["one", "two"]));
    expect(watchedBy(run, "other")).toBeUndefined();
    sign.withdraw();
    expect(watchedBy(run, "n")).toBeUndefined();
    expect(existsSync(run)).toBe(false);
  });

  it("is void when its process is gone, and when another has its number", async () => {
    const child = spawn("sleep", ["60"]);
    const path = collectorPath(run, "n");
    new CollectorSign(run, "n").attached(["one"]);
    const own = JSON.parse(readFileSync(path, "utf8")) as { pid: number; started: string };
    writeFileSync(path, JSON.stringify({ ...own, pid: child.pid }));
    expect(watchedBy(run, "n")).toBeUndefined();
    const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ");
    writeFileSync(path, JSON.stringify({ ...own, pid: child.pid, started: stat[21] }));
    expect(watchedBy(run, "n")).toEqual(new Set(["one"]));
    child.kill();
    await once(child, "exit");
    expect(watchedBy(run, "n")).toBeUndefined();
    new CollectorSign(run, "alive").attached([]);
    removeVoidSigns(run);
    expect([existsSync(path), watchedBy(run, "alive")]).toEqual([false, new Set()]);
  });

  it("stands for every node that is still to come, but for those that failed", () => {
    announceCollectors(run, ["broken"]);
    expect(watchedBy(run, "new")).toEqual(new Set());
    expect(watchedBy(run, "broken")).toBeUndefined();
    withdrawCollectors(run);
    expect(watchedBy(run, "new")).toBeUndefined();
  });
});
