import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { type EmbeddedStore, openEmbeddedStore } from "./embedded-store.ts";

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: EmbeddedStore;
let blocks: string;

beforeAll(async () => {
  folder = await temporaryDirectory();
  blocks = join(folder.path, "blocks");
  const { mkdir } = await import("node:fs/promises");
  await mkdir(blocks);
  store = await openEmbeddedStore({
    directory: join(folder.path, "store"),
    blockDirectory: blocks,
    maxConcurrentQueries: 1,
    maxWaitingQueries: 2,
    maxBlockBytes: 100_000,
    retention: { flowDays: 7, hourDays: 100 },
  });
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

const ttlOf = async (table: string) =>
  (
    await store.query<{ ttl: string }>(
      `SELECT extract(create_table_query, 'TTL (.*) SETTINGS') AS ttl FROM system.tables WHERE database = 'weir' AND name = '${table}'`,
    )
  )[0]?.ttl;

describe("the embedded store", () => {
  it("keeps rows as long as it is told", async () => {
    expect(await ttlOf("flows")).toBe("toDateTime(time) + toIntervalDay(7)");
    expect(await ttlOf("edges_1h")).toBe("time + toIntervalDay(100)");
    expect(await ttlOf("edges_1d")).toBe("time + toIntervalDay(1100)");
  });

  it("does not hold up the event loop while the engine works", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await store.query("SELECT sleepEachRow(0.2) FROM numbers(3)");
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
  });

  it("says that it is busy when too many statements wait", async () => {
    const slow = Array.from({ length: 3 }, () => store.query("SELECT sleep(0.1)"));
    await expect(store.query("SELECT 1")).rejects.toMatchObject({ kind: "busy" });
    await Promise.all(slow);
    expect(await store.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
  });

  it("refuses a block above its bound, and leaves no file behind whatever happens", async () => {
    await expect(
      store.insertNative("flows", new Uint8Array(100_001), "large"),
    ).rejects.toMatchObject({ kind: "limit", message: expect.stringContaining("maxBlockBytes") });
    await expect(store.insertNative("flows", Uint8Array.of(9), "bad")).rejects.toThrow();
    await store.insertNative("flows", flowBlock([{ time: Date.now() * 1000 }]), "good");
    const [mine = ""] = readdirSync(blocks);
    expect(readdirSync(join(blocks, mine))).toEqual([]);
  });

  it("inserts a block that spans days whole, and repeats none of it", async () => {
    const day = 86_400_000_000;
    const now = Date.now() * 1000;
    const block = flowBlock([0, 1, 2].map((ago) => ({ time: now - ago * day, node: "days" })));
    expect(await store.insertNative("flows", block, "days")).toBe(true);
    expect(await store.insertNative("flows", block, "days")).toBe(false);
    expect(await store.query("SELECT count() AS n FROM flows WHERE node = 'days'")).toEqual([
      { n: 3 },
    ]);
  });

  it("frees the place of a reader that leaves its result half read", async () => {
    for (let round = 0; round < 3; round++) {
      const rows = store.queryReadOnly("SELECT number FROM numbers(1000000)", "JSONEachRow");
      for await (const _chunk of rows) break;
    }
    const rows = store.queryReadOnly("SELECT 1 AS n", "JSONEachRow");
    for await (const chunk of rows) expect(Buffer.from(chunk).toString()).toBe('{"n":1}\n');
  });

  it("lets a caller narrow the limits, not widen them", async () => {
    const wide = { limits: { maxResultRows: 10_000_000 } };
    const many = store.queryReadOnly("SELECT number FROM numbers(1000001)", "RowBinary", wide);
    const read = async () => {
      for await (const _chunk of many);
    };
    await expect(read()).rejects.toMatchObject({ kind: "limit" });
  });

  it("has no source of data but its own files, for trusted SQL either", async () => {
    for (const source of [
      "file('/etc/passwd', 'LineAsString')",
      "url('http://127.0.0.1:9/', 'LineAsString')",
      "remote('127.0.0.1:9', system.one)",
      "s3('http://127.0.0.1:9/bucket/key', 'LineAsString')",
    ])
      await expect(store.query(`SELECT * FROM ${source}`)).rejects.toMatchObject({
        kind: "refused",
      });
  });
});
