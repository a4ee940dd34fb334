import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { apiConfig, startApi } from "@weir/api";
import { createMemoryBus, topics } from "@weir/bus";
import { createMetrics, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";

const opened = new AsyncDisposableStack();
let directory: string;
let url: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-cli-completion-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  symlinkSync(resolve(import.meta.dirname, "../../bin/weir"), join(directory, "weir"));
  writeFileSync(join(directory, "manifest.yaml"), "");
  const bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  const store = opened.use(await openEmbeddedStore({ directory: join(directory, "data") }));
  await store.migrate();
  const config = apiConfig.parse({ listen: "127.0.0.1:0" });
  const doors = { bus, store, log: silentLog(), metrics: createMetrics("api") };
  url = opened.use(await startApi(config, doors)).url;
}, 60_000);
afterAll(() => opened.disposeAsync());

/** What a real bash offers when Tab is pressed at the end of the words; the last one may be open. */
function tab(words: string[], api = url): Promise<string[]> {
  const quoted = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const script = `source <(weir completion bash)
complete -p weir >/dev/null || exit 9
COMP_WORDS=(weir ${quoted})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_weir weir
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const path = `${directory}:${process.env["PATH"] ?? ""}`;
  const env = { ...process.env, PATH: path, WEIR_API: api, WEIR_RUN: directory };
  return new Promise((done, failed) => {
    execFile("bash", ["--norc", "-c", script], { env, cwd: directory }, (error, stdout, stderr) => {
      if (error !== null || stderr !== "") failed(new Error(`${error?.message ?? ""} ${stderr}`));
      else done(stdout.split("\n").filter((line) => line !== ""));
    });
  });
}

describe("bash, with weir completion", () => {
  it("completes verbs, flags and what they take", async () => {
    expect(await tab(["fl"])).toEqual(["flows"]);
    expect(await tab(["policy", "re"])).toEqual(["replay"]);
    expect(await tab(["edges", "--a"])).toEqual(["--at", "--api"]);
    expect(await tab(["flows", "--output", "=", "j"])).toEqual(["json"]);
  });

  it("completes filters by the weir that runs, also within quotes", async () => {
    expect(await tab(["flows", "--filter", "src.names"])).toEqual(["src.namespace"]);
    expect(await tab(["flows", "--filter", "'dst.port = 80 and verdict = d"])).toEqual([
      "dst.port = 80 and verdict = denied",
    ]);
    expect(await tab(["edges", "--by", "src.workload,dst.names"])).toEqual([
      "src.workload,dst.namespace",
    ]);
  });

  it("leaves files to the shell, and is silent where no weir runs", async () => {
    expect(await tab(["policy", "apply", "-f", "mani"])).toEqual([]);
    expect(await tab(["flows", "--filter", "src.na"], "http://127.0.0.1:9")).toEqual([]);
  });
});
