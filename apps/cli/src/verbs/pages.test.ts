import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { apiConfig, startApi } from "@weir/api";
import { createMemoryBus, topics } from "@weir/bus";
import { policyChangeCodec } from "@weir/codec";
import { createMetrics, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";

// More than the API gives at once, so that the command line has to ask again.

const launcher = resolve(import.meta.dirname, "../../bin/weir");
const opened = new AsyncDisposableStack();
const edgeCount = 120_000;
const generations = 2300;
const policies = 10_050;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), "weir-cli-pages-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  const store = opened.use(await openEmbeddedStore({ directory }));
  await store.migrate();
  await store.command(`INSERT INTO flows (time, start, last, direction, src_port, dst_port, src_workload, bytes)
    SELECT now64(6) - 60 AS at, at, at, 'egress', 1, number % 60000, toString(intDiv(number, 60000)), number FROM numbers(${edgeCount})`);
  await store.command(
    `INSERT INTO policy_generations (generation, revision, mode, valid_from) SELECT number + 1, number + 1, 'enforce', now64(6) FROM numbers(${generations})`,
  );
  const changes = Array.from({ length: policies }, (_, at) => ({
    ...{ namespace: "shop", name: `p${String(at).padStart(5, "0")}`, text: "none" },
    ...{ shadow: false, changed: 1, author: "test" },
  }));
  await bus.send(
    topics.policyDocuments.name,
    changes.map((one) => ({ key: `shop/${one.name}`, value: policyChangeCodec.encode(one) })),
  );
  const doors = { bus, store, log: silentLog(), metrics: createMetrics("api") };
  const api = opened.use(await startApi(apiConfig.parse({ listen: "127.0.0.1:0" }), doors));
  env = { ...process.env, WEIR_API: api.url, WEIR_RUN: directory };
}, 60_000);
afterAll(() => opened.disposeAsync());

function weir(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(launcher, args, { env, maxBuffer: 1 << 28 }, (_error, stdout, stderr) =>
      done({ stdout, stderr }),
    );
  });
}
/** The first column of CSV, without its heading. */
const first = ({ stdout }: { stdout: string }, at = 0): string[] =>
  stdout
    .trimEnd()
    .split("\r\n")
    .slice(1)
    .map((line) => line.split(",")[at] ?? "");

describe("an answer in pages", () => {
  const edges = ["edges", "--by", "dst.port,src.workload", "-o", "csv", "--limit"];

  it("of edges is followed to the limit, and no further", async () => {
    const all = await weir(...edges, "1000000");
    expect(new Set(all.stdout.trimEnd().split("\r\n").slice(1)).size).toBe(edgeCount);
    expect(all.stderr).not.toContain("raise --limit");
    const some = await weir(...edges, "110000");
    expect(first(some)).toHaveLength(110_000);
    expect(some.stderr).toContain("only the largest 110000 rows; raise --limit for more");
    expect(first(some)).toEqual(first(all).slice(0, 110_000));
    expect(first(await weir(...edges.slice(0, -1)))).toHaveLength(1000);
  }, 60_000);

  it("of policies and of generations is followed to its end", async () => {
    const listed = first(await weir("policy", "list", "-o", "csv"), 1);
    expect(listed).toHaveLength(policies);
    expect(listed).toEqual([...new Set(listed)].toSorted());
    const history = first(await weir("policy", "history", "-o", "csv"));
    expect(history).toEqual(
      Array.from({ length: generations }, (_, at) => String(generations - at)),
    );
  }, 60_000);
});
