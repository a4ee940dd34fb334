import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseProgramFile, programFileAt } from "./program-file.ts";

describe("the programs for this kernel", () => {
  it("are those that do without nothing, where the probe loads", () => {
    const { path, isComplete, hooks } = chooseProgramFile();
    expect(path).toMatch(/\/bpf\/build\/flow\.bpf\.o$/);
    expect({ isComplete, hooks }).toEqual({ isComplete: true, hooks: { atomics: "ok" } });
  });

  it("are not chosen where there is nothing to try", () => {
    expect(() => chooseProgramFile("/nonexistent/probe.bpf.o")).toThrow(/npm run setup/);
  });

  it("are left to say themselves what is wrong, where the probe cannot be asked", () => {
    const folder = mkdtempSync(join(tmpdir(), "weir-probe-"));
    const probe = join(folder, "probe.bpf.o");
    writeFileSync(probe, "no object");
    try {
      expect(chooseProgramFile(probe).isComplete).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("may be given", () => {
    expect(programFileAt("/some/other.bpf.o")).toMatchObject({ path: "/some/other.bpf.o" });
  });
});
