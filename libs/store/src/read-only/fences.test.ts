import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import type { StoreError } from "../error.ts";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

// Everything that this engine has, not only what somebody thought of.

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: EmbeddedStore;

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openEmbeddedStore({ directory: folder.path });
  await store.migrate();
  await store.insertNative("flows", flowBlock([{ time: Date.now() * 1000 }]), "one");
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

async function read(sql: string, limits = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.queryReadOnly(sql, "JSONEachRow", { limits })) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function failure(run: Promise<unknown>): Promise<Partial<StoreError>> {
  return run.then(
    (answer) => ({ message: `it was answered: ${String(answer)}` }),
    (error: unknown) => error as StoreError,
  );
}

/** Those that compute; values, view and null take other arguments than these and say so. */
const harmless = new Set([
  "generate_series",
  "generateRandom",
  "generateSeries",
  "null",
  "numbers",
  "numbers_mt",
  "primes",
  "SQLStandardValues",
  "values",
  "view",
  "zeros",
  "zeros_mt",
]);

function argumentsOf(name: string): string {
  const file = "'/etc/passwd', 'LineAsString'";
  if (name === "viewIfPermitted") return `SELECT * FROM file(${file}) ELSE null('line String')`;
  return file;
}

describe("every table function of the engine", () => {
  it("is refused in every place where one can stand, but for those that only compute", async () => {
    const functions = await store.query<{ name: string }>(
      "SELECT name FROM system.table_functions ORDER BY name",
    );
    expect(functions.length).toBeGreaterThan(80);
    const places = [
      (call: string) => `SELECT * FROM ${call}`,
      (call: string) => `SELECT 1 IN (SELECT * FROM ${call})`,
      (call: string) => `WITH t AS (SELECT * FROM ${call}) SELECT count() FROM t`,
      (call: string) => `SELECT count() FROM flows JOIN ${call} AS j ON 1`,
      (call: string) => `DESCRIBE TABLE ${call}`,
      (call: string) => `EXPLAIN SELECT * FROM ${call}`,
    ];
    const missed: string[] = [];
    for (const { name } of functions) {
      if (harmless.has(name)) continue;
      for (const place of places) {
        const sql = place(`${name}(${argumentsOf(name)})`);
        const error = await failure(read(sql));
        if (error.kind !== "refused") missed.push(`${sql}: ${error.message}`);
      }
    }
    expect(missed).toEqual([]);
  }, 120_000);

  it("that reaches out of the engine is refused by the reader's rights alone as well", async () => {
    const out = [
      ...["file('/etc/passwd', 'LineAsString')", "url('http://127.0.0.1:9/x', 'LineAsString')"],
      ...[
        "s3('http://127.0.0.1:9/bucket/key', 'LineAsString')",
        "remote('127.0.0.1:9', system.one)",
      ],
      ...["mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')", "sqlite('/etc/passwd', 't')"],
      ...[
        "executable('id', 'LineAsString', 'line String')",
        "mongodb('127.0.0.1:9', 'a', 'b', 'c', 'd', 'x String')",
      ],
      ...["postgresql('127.0.0.1:9', 'a', 'b', 'c', 'd')", "redis('127.0.0.1:9', 'k', 'k String')"],
    ];
    const missed: string[] = [];
    for (const call of out) {
      const sql = `SELECT * FROM ${call}`;
      const error = await failure(store.run({ sql, as: "reader", format: "TSV" }));
      if (error.kind !== "refused") missed.push(`${sql}: ${error.kind} ${error.message}`);
    }
    expect(missed).toEqual([]);
  });
});

describe("every function that asks a dictionary, a model or the process", () => {
  it("is refused", async () => {
    const functions = await store.query<{ name: string }>(
      `SELECT name FROM system.functions WHERE match(lower(name), '^(dict(get|has|isin)|ai(classify|embed|extract|generate|translate)|filesystem|catboost|file$|getserver|getmacro|naivebayesclassifier|zookeeper)') ORDER BY name`,
    );
    expect(functions.length).toBeGreaterThan(50);
    const missed: string[] = [];
    for (const { name } of functions) {
      const error = await failure(read(`SELECT ${name}('a', 'b', 'c')`));
      if (error.kind !== "refused") missed.push(`${name}: ${error.message}`);
    }
    expect(missed).toEqual([]);
  }, 60_000);
});

describe("untrusted SQL that wants too much", () => {
  const limits = { maxSeconds: 2, maxMemoryBytes: 100_000_000, maxResultRows: 1000 };

  it.each([
    "SELECT repeat(repeat('x', 1000000), 1000000)",
    "SELECT range(1000000000000)",
    "SELECT arrayJoin(range(100000000)) AS x ORDER BY rand()",
    "SELECT count() FROM numbers(100000000) AS a, numbers(100000000) AS b WHERE sipHash64(a.number, b.number) = 1",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count() FROM t",
    "SELECT sleep(3), sleep(3), sleep(3)",
    "SELECT sleepEachRow(1) FROM numbers(100)",
    "SELECT * FROM generateRandom('a Array(Array(Array(String)))', 1, 100000, 100000)",
    `SELECT ${"(".repeat(20_000)}1${")".repeat(20_000)}`,
    `SELECT ${"-".repeat(3)}${"not ".repeat(20_000)}1`,
    `SELECT ${"if(1, ".repeat(2000)}1${", 1)".repeat(2000)}`,
    `SELECT ${"x".repeat(300_000)}`,
    "SELECT * FROM numbers(100000)",
    "SELECT groupArray(number) FROM numbers(1000000000)",
  ])("is stopped: %p", async (sql) => {
    const error = await failure(read(sql, limits));
    expect(error.kind).toMatch(/^(limit|refused|sql)$/);
    // The engine is well.
    expect(await read("SELECT 1 AS n")).toBe('{"n":1}\n');
  });
});
