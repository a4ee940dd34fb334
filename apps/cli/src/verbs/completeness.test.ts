import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type RunningApi, apiConfig, startApi } from "@weir/api";
import { createMemoryBus, topics } from "@weir/bus";
import { createMetrics, silentLog } from "@weir/runtime";
import { type Store, openEmbeddedStore } from "@weir/store";

const launcher = resolve(import.meta.dirname, "../../bin/weir");
/** Longer than the API gives an answer again. */
const forgetMs = 1100;
const endMs = Math.floor(Date.now() / 1000) * 1000 - 20_000;
const opened = new AsyncDisposableStack();
let directory: string;
let store: Store;
let api: RunningApi;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-cli-complete-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  store = opened.use(await openEmbeddedStore({ directory }));
  await store.migrate();
  const completeness = { maxWaitMs: 60_000 };
  const config = apiConfig.parse({ listen: "127.0.0.1:0", completeness });
  const doors = { bus, store, log: silentLog(), metrics: createMetrics("api") };
  api = opened.use(await startApi(config, doors));
  // Two blocks of five flows, with a report before and after each.
  await store.command(`INSERT INTO flows (time, start, last, node, boot_id, block, bytes)
    SELECT fromUnixTimestamp64Milli(${endMs}, 'UTC') - 60 * intDiv(number, 5) AS at, at, at, 'b', 'boot', 2 - intDiv(number, 5), 1 FROM numbers(10)`);
  await report(90, 0, 0);
  await report(30, 1, 0);
  await report(-10, 2, 0);
  writeFileSync(
    join(directory, "p.yaml"),
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {namespace: shop, name: p}\nspec: {podSelector: {}}\n",
  );
}, 60_000);
afterAll(() => opened.disposeAsync());

async function report(seconds: number, blocks: number, lost: number): Promise<void> {
  await store.command(`INSERT INTO ledger (time, node, boot_id, blocks, produced, lost, counters)
    SELECT fromUnixTimestamp64Milli(${endMs - seconds * 1000}, 'UTC'), 'b', 'boot', ${blocks}, ${blocks * 5},
      map('map', ${lost}), map('last_block', ${blocks})`);
}

function weir(args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, WEIR_API: api.url, WEIR_RUN: directory };
  return new Promise((done) => {
    execFile(launcher, args, { env, cwd: directory }, (_error, stdout, stderr) =>
      done({ stdout, stderr }),
    );
  });
}

const verbs: [string, string[]][] = [
  ["flows", ["flows", "--since", "10m", "-o", "json"]],
  ["edges", ["edges", "--since", "10m", "-o", "csv"]],
  [
    "sql",
    ["sql", "SELECT count() AS n FROM flows WHERE time > now() - INTERVAL 10 MINUTE", "-o", "json"],
  ],
  ["replay", ["policy", "replay", "-f", "p.yaml", "--since", "10m", "-o", "json"]],
];

describe("a complete history", () => {
  it.each(verbs)("is no line of weir %s", async (_name, args) => {
    const { stdout, stderr } = await weir(args);
    expect(stderr).toBe("");
    expect(stdout).not.toBe("");
  });
});

describe("a history with a block that is gone and a loss", () => {
  const said =
    /^not complete: 8 flow records of node b were lost between \S.* and \S.* \(flow map full, 5 not accounted for\); weir ledger says more\n$/;

  beforeAll(async () => {
    await store.command("ALTER TABLE flows DELETE WHERE block = 2 SETTINGS mutations_sync = 2");
    await report(-12, 2, 3);
    await sleep(forgetMs);
  });

  it.each(verbs)("is one line on stderr of weir %s", async (_name, args) => {
    const { stdout, stderr } = await weir(args);
    expect(stderr).toMatch(said);
    expect(stdout).not.toContain("not complete");
  });

  it("is, of SQL that has no bounds, a line that says so", async () => {
    const { stderr } = await weir(["sql", "SELECT count() AS n FROM flows", "-o", "csv"]);
    expect(stderr).toMatch(
      /^not complete, of all that is kept: 8 flow records of node b were lost/,
    );
  });

  it("is asked about at a time", async () => {
    const at = (seconds: number): string => new Date(endMs - seconds * 1000).toISOString();
    const before = await weir(["flows", "--at", at(60), "-o", "json"]);
    expect(before.stdout.trim().split("\n")).toHaveLength(1);
    const edges = await weir(["edges", "--at", at(60), "--by", "protocol", "-o", "json"]);
    expect(JSON.parse(edges.stdout)).toMatchObject({ rows: 5 });
    const both = await weir(["flows", "--at", "1m", "--since", "5m"]);
    expect(both.stderr).toContain("cannot be used with option");
  });
});
