import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { claim } from "./claim.ts";
import { isAlive, thisProcess } from "./process-identity.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-claim-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("a process", () => {
  it("is alive while it runs, and not after it has ended", async () => {
    expect(isAlive(thisProcess())).toBe(true);
    expect(isAlive({ ...thisProcess(), startTime: 1 })).toBe(false);
    expect(isAlive({ ...thisProcess(), bootId: "another" })).toBe(false);
    const child = spawn("true");
    await once(child, "exit");
    expect(isAlive({ ...thisProcess(), pid: child.pid as number })).toBe(false);
  });
});

describe("a claim", () => {
  it("is for one at a time, and free again after release", () => {
    const path = join(directory, "deep/up.json");
    const first = claim(path, { labs: ["shop"] }, "");
    expect(() => claim(path, {}, ". Stop it")).toThrow(
      `runs already, as process ${process.pid}. Stop it`,
    );
    first.release();
    const second = claim<{ labs?: string[] }>(path, {}, "");
    expect(second.inherited).toBeUndefined();
    second.release();
    expect(readdirSync(join(directory, "deep"))).toEqual([]);
  });

  it("goes over from a process that died, with what it had written", () => {
    const path = join(directory, "up.json");
    const dead = { ...thisProcess(), startTime: 1, notes: { labs: ["shop"] } };
    writeFileSync(path, JSON.stringify(dead));
    const heir = claim<{ labs: string[] }>(path, { labs: [] }, "");
    expect(heir.inherited).toEqual({ labs: ["shop"] });
    heir.write({ labs: ["other"] });
    expect(existsSync(path)).toBe(true);
    heir.release();
  });

  it("goes over from a file that was cut short", () => {
    const path = join(directory, "up.json");
    writeFileSync(path, '{"pid":1');
    expect(claim(path, {}, "").inherited).toBeUndefined();
  });
});
