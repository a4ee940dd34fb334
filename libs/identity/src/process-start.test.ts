import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "@jest/globals";
import { processStart } from "./process-start.ts";

describe("the start of a process", () => {
  it("is the same each time, and none where there is no process", () => {
    expect(processStart("self")).toMatch(/^\d+$/);
    expect(processStart(process.pid)).toBe(processStart("self"));
    expect(processStart(2 ** 31 - 1)).toBeUndefined();
  });

  it("is read behind a name that has brackets and spaces", async () => {
    const code = `process.title = "a) Z 9 ("; process.stdout.write("!"); setTimeout(() => {}, 60_000)`;
    const named = spawn(process.execPath, ["-e", code]);
    await once(named.stdout, "data");
    expect(processStart(named.pid ?? 0)).toMatch(/^\d{2,}$/);
    named.kill();
    await once(named, "exit");
    expect(processStart(named.pid ?? 0)).toBeUndefined();
  });
});
