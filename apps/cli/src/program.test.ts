import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Command } from "commander";
import { createProgram } from "./program.ts";

const launcher = resolve(import.meta.dirname, "../bin/weir");
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-cli-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the launcher as a user would; nothing listens where it asks. */
function weir(args: string[], env: Record<string, string> = {}): Promise<Finished> {
  const all = { ...process.env, WEIR_API: "http://127.0.0.1:9", WEIR_RUN: directory, ...env };
  return new Promise((done) => {
    execFile(
      env["LAUNCHER"] ?? launcher,
      args,
      { env: all, cwd: directory },
      (error, stdout, stderr) => {
        done({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
      },
    );
  });
}

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

describe("every verb", () => {
  it.each(leaves(createProgram()).map((verb) => [verb.parent?.name(), verb.name(), verb] as const))(
    "%s %s teaches with an example",
    (_parent, _name, verb) => {
      let help = "";
      verb.configureOutput({ writeOut: (text) => (help += text) });
      verb.outputHelp();
      expect(help).toMatch(/Examples?:\n +weir /);
      expect(verb.description()).not.toBe("");
    },
  );
});

describe("the launcher", () => {
  it("starts through a symlink, from anywhere", async () => {
    const link = join(directory, "weir");
    symlinkSync(launcher, link);
    const { code, stdout, stderr } = await weir(["--version"], { LAUNCHER: link });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("says what to do in a checkout that is not set up", async () => {
    const copy = join(directory, "weir-copy");
    writeFileSync(copy, `#!/bin/sh\nexec sh "${join(directory, "apps/cli/bin/weir")}"\n`, {
      mode: 0o755,
    });
    cpSync(launcher, join(directory, "apps/cli/bin/weir"), { recursive: true });
    const { code, stderr } = await weir([], { LAUNCHER: copy });
    expect(code).toBe(1);
    expect(stderr).toMatch(/not set up yet[\s\S]*npm start[\s\S]*npm run setup/);
  });
});

describe("exit codes", () => {
  it.each([
    [["flws"], 2, /Did you mean flows/],
    [["flows", "--port", "x"], 2, /whole number from 0 to 65535/],
    [["flows", "--follow", "--until", "1m"], 2, /--follow goes on from now/],
    [["reach", "--to", "a/b", "--until", "1m"], 2, /give --since as well/],
    [["policy", "apply"], 2, /required option '-f/],
    [["sql"], 2, /give a query/],
    [["up", "--bus", "carrier-pigeon"], 2, /give memory, or kafka/],
    [["enricher", "--config", "/nonexistent.yaml"], 2, /cannot read the file/],
    [["status"], 1, /no weir answers at http:\/\/127\.0\.0\.1:9\. Start one with: weir up/],
    [["policy", "matrix", "nothing.yaml"], 1, /no such file or folder/],
    [["lab", "down", "--name", "nothing"], 3, /no lab nothing/],
  ])("%j: %i", async (args, expected, message) => {
    const { code, stdout, stderr } = await weir(args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
  });
});

describe("policy verbs that need no weir", () => {
  const manifest = `apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Pod, metadata: {namespace: x, name: a, labels: {app: a}}, status: {podIP: 10.0.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {namespace: x, name: b, labels: {app: b}}, status: {podIP: 10.0.0.2}}
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {namespace: x, name: closed}
    spec: {podSelector: {matchLabels: {app: b}}, policyTypes: [Ingress]}
`;
  beforeAll(() => writeFileSync(join(directory, "m.yaml"), manifest));

  it("print the matrix as JSON lines and as CSV", async () => {
    const json = await weir(["policy", "matrix", "m.yaml", "--port", "80/TCP", "-o", "json"]);
    const rows = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { from: string; to: string; verdict: string });
    expect(
      rows.filter((row) => row.verdict === "denied").map(({ from, to }) => [from, to]),
    ).toEqual([["x/a", "x/b"]]);
    const csv = await weir([
      "policy",
      "matrix",
      directory,
      "--port",
      "80/TCP",
      "--port",
      "53/UDP",
      "-o",
      "csv",
    ]);
    expect(csv.stdout.split("\r\n")).toHaveLength(1 + 8 + 1);
  });

  it("explain a denial with what would allow it", async () => {
    const asked = [
      "policy",
      "explain",
      "--from",
      "x/a",
      "--to",
      "x/b",
      "--port",
      "80/TCP",
      "m.yaml",
    ];
    const { code, stdout } = await weir(asked);
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /x\/a → x\/b 80\/TCP: denied[\s\S]*To allow it on the ingress side[\s\S]*app: a/,
    );
    expect((await weir([...asked.slice(0, 3), "x/b", "--to", "x/a", ...asked.slice(6)])).code).toBe(
      0,
    );
  });

  it("lint with file and line", async () => {
    writeFileSync(
      join(directory, "bad.yaml"),
      manifest.replace("policyTypes: [Ingress]", "policyTypes: [Ingres]"),
    );
    const { code, stdout } = await weir(["policy", "lint", "bad.yaml"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^bad\.yaml:9:\d+: error: .*Ingres/m);
  });
});
