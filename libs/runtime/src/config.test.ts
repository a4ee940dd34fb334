import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { ConfigError, environmentName, loadConfig } from "./config.ts";
import { renderConfigHelp, unboundedFields } from "./config-fields.ts";

const schema = z.strictObject({
  node: z.string().max(63).default("here").describe("Name of the node."),
  batch: z
    .strictObject({
      maxWaitMs: z.int().min(1).max(60_000).default(500).describe("Longest wait of a message."),
      maxRows: z.int().min(1).max(1_000_000).default(100_000).describe("Rows of an insert."),
    })
    .prefault({}),
  mode: z.enum(["observe", "enforce"]).default("observe").describe("What it may do."),
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-config-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(path, text);
  return path;
}

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("loadConfig", () => {
  it("gives the defaults where nothing is said", () => {
    expect(loadConfig(schema)).toEqual({
      node: "here",
      batch: { maxWaitMs: 500, maxRows: 100_000 },
      mode: "observe",
    });
  });

  it("lets overrides win over the environment, that over the file, that over the defaults", () => {
    const config = loadConfig(schema, {
      file: file("node: from-file\nbatch: {maxWaitMs: 1, maxRows: 2}\nmode: enforce\n"),
      env: { prefix: "W", values: { W_NODE: "1.10", W_BATCH_MAX_WAIT_MS: "7" } },
      overrides: { batch: { maxWaitMs: 9 }, mode: undefined },
    });
    expect(config).toEqual({ node: "1.10", batch: { maxWaitMs: 9, maxRows: 2 }, mode: "enforce" });
  });

  it("reads JSON and an empty file", () => {
    expect(loadConfig(schema, { file: file('{"node":"j"}') }).node).toBe("j");
    expect(loadConfig(schema, { file: file("") }).node).toBe("here");
  });

  it("names every wrong field, its bounds and its meaning, all at once", () => {
    const path = file("batch: {maxWaitMs: 0, maxRowz: 3}\nmode: off\nnodes: x\n");
    const problems = problemsOf(() => loadConfig(schema, { file: path }));
    expect(problems).toEqual([
      "batch.maxRowz: there is no such field; known are batch.maxWaitMs, batch.maxRows",
      "nodes: there is no such field; known are node, batch.maxWaitMs, batch.maxRows, mode",
      expect.stringMatching(
        /^batch\.maxWaitMs: too small.*; expected whole number between 1 and 60000 \(Longest wait/,
      ),
      expect.stringMatching(/^mode: invalid option.*expected observe \| enforce/),
    ]);
  });

  it("says which file cannot be read or parsed", () => {
    expect(() => loadConfig(schema, { file: join(folder, "none") })).toThrow(/none.*cannot read/);
    expect(() => loadConfig(schema, { file: file("a: [") })).toThrow(/not YAML/);
    expect(() => loadConfig(schema, { file: file("- a") })).toThrow(/one mapping/);
  });

  it("does not let a file reach prototypes", () => {
    expect(() => loadConfig(schema, { file: file('{"__proto__": {"x": 1}}') })).toThrow(
      ConfigError,
    );
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe("the help text", () => {
  it("shows each field with type, bounds, default and doc", () => {
    const help = renderConfigHelp(schema);
    expect(help).toContain("batch.maxWaitMs  (whole number, between 1 and 60000; default 500)");
    expect(help).toContain('mode  (observe | enforce; default "observe")\n      What it may do.');
  });

  it("finds fields without doc or bound", () => {
    const loose = z.strictObject({
      a: z.string().describe("x"),
      b: z.int().max(3).min(1),
      c: z.int().describe("y"),
    });
    expect(unboundedFields(loose)).toEqual(["a", "b", "c"]);
    expect(unboundedFields(schema)).toEqual([]);
  });

  it("names the variable of a field", () => {
    expect(environmentName("WEIR_API", "batch.maxWaitMs")).toBe("WEIR_API_BATCH_MAX_WAIT_MS");
  });
});
