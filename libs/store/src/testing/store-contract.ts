import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { QueryOptions, Store } from "../contract.ts";
import { StoreError } from "../error.ts";
import { encodeRows } from "../tables/encode-rows.ts";
import { events } from "../tables/events.ts";
import { flowBlock } from "./flows.ts";

/** What every store promises; run against the embedded engine and against a server. */
export function storeContract(
  name: string,
  open: () => Promise<{ store: Store; stop: () => Promise<void> }>,
): void {
  describe(`${name}: the contract of a store`, () => {
    let opened: Awaited<ReturnType<typeof open>>;

    beforeAll(async () => {
      opened = await open();
      await opened.store.migrate();
    });

    afterAll(() => opened.stop());

    const store = () => opened.store;
    inserting(store);
    asking(store);
    parameters(store);
    untrusted(store);
    stopping(store);
  });
}

type GetStore = () => Store;

async function count(store: Store, table: string, what = "count()"): Promise<number | undefined> {
  const rows = await store.query<{ n: number }>(`SELECT ${what} AS n FROM ${table}`);
  return rows[0]?.n;
}

async function read(
  store: Store,
  sql: string,
  format = "JSONEachRow",
  options: QueryOptions = {},
): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.queryReadOnly(sql, format, options)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function failure(run: Promise<unknown>): Promise<StoreError> {
  const error: unknown = await run.then(() => undefined).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StoreError);
  return error as StoreError;
}

function inserting(store: GetStore): void {
  it("migrates again without a change", async () => {
    const before = await store().query("SELECT * FROM migrations FINAL ORDER BY number");
    await store().migrate();
    expect(await store().query("SELECT * FROM migrations FINAL ORDER BY number")).toEqual(before);
  });

  it("adds a block once, in the roll-ups too, and says which time it was", async () => {
    const now = Date.now() * 1000;
    const block = flowBlock([
      { time: now, packets: 3, bytes: 300, source: { workload: "once" } },
      { time: now, packets: 4, bytes: 400, source: { workload: "once" } },
    ]);
    expect(await store().insertNative("flows", block, "weir.flows.v1:0:1-2")).toBe(true);
    expect(await store().insertNative("flows", block, "weir.flows.v1:0:1-2")).toBe(false);
    expect(await store().insertNative("flows", block, "weir.flows.v1:0:3-4")).toBe(true);
    expect(await count(store(), "flows WHERE src_workload = 'once'")).toBe(4);
    for (const table of ["edges_1m", "edges_1h", "edges_1d"])
      expect(await count(store(), `${table} WHERE src_workload = 'once'`, "sum(packets)")).toBe(14);
  });

  it("tells the same rows under another token apart from a repetition", async () => {
    const time = Date.now() * 1000;
    const row = { time, node: "n", bootId: "b", namespace: "", workload: "", pod: "" };
    const block = encodeRows(events, [{ ...row, kind: "twin", text: "t", fields: {} }]);
    expect(await store().insertNative("events", block, "a")).toBe(true);
    expect(await store().insertNative("events", block, "b")).toBe(true);
    expect(await count(store(), "events WHERE kind = 'twin'")).toBe(2);
  });

  it("refuses a table that is not there, and a block that is none", async () => {
    const block = flowBlock([{ time: Date.now() * 1000 }]);
    expect((await failure(store().insertNative("nowhere", block, "x"))).clickhouseCode).toBe(60);
    await failure(store().insertNative("flows", Uint8Array.of(1, 2, 3), "y"));
    await failure(store().insertNative("flows; DROP TABLE flows", block, "z"));
    expect(await count(store(), "flows")).toBeGreaterThan(0);
  });
}

function asking(store: GetStore): void {
  it("gives rows as objects, 64-bit integers as numbers, times in RFC 3339", async () => {
    expect(
      await store().query(
        "SELECT toUInt64(9007199254740991) AS big, fromUnixTimestamp64Micro(1, 'UTC') AS at, true AS yes, ['a'] AS list",
      ),
    ).toEqual([
      { big: 9007199254740991, at: "1970-01-01T00:00:00.000001Z", yes: true, list: ["a"] },
    ]);
  });

  it("says what the engine does not like", async () => {
    const error = await failure(store().query("SELECT nothing FROM nowhere"));
    expect(error.kind).toBe("sql");
    expect(error.clickhouseCode).toBe(60);
    expect(error.message).toContain("nowhere");
    expect((await failure(store().command("CREATE TABLE"))).clickhouseCode).toBe(62);
  });
}

function parameters(store: GetStore): void {
  it.each<[type: string, value: string | number | boolean | string[] | number[]]>([
    ["String", "it's \\ \t \n \r \0 {x:String} -- ; ü"],
    ["String", ""],
    ["Int64", -9007199254740991],
    ["Float64", 0.5],
    ["Bool", true],
    ["Array(String)", ["a'b", "c\\d", ""]],
    ["Array(UInt16)", [1, 65535]],
  ])("takes a parameter of type %s as it is: %p", async (type, value) => {
    const [row] = await store().query<{ v: unknown }>(`SELECT {v:${type}} AS v`, {
      parameters: { v: value },
    });
    expect(row?.v).toEqual(value);
  });

  it("keeps the parameters of concurrent statements apart", async () => {
    const values = Array.from({ length: 20 }, (_, at) => at);
    const answers = await Promise.all(
      values.map((v) =>
        store().query<{ v: number }>("SELECT {v:UInt32} AS v", { parameters: { v } }),
      ),
    );
    expect(answers.map(([row]) => row?.v)).toEqual(values);
  });
}

function untrusted(store: GetStore): void {
  it("streams what untrusted SQL selects, in the format asked for", async () => {
    expect(await read(store(), "SELECT 1 AS a, 'x' AS b")).toBe('{"a":1,"b":"x"}\n');
    expect(await read(store(), "SELECT 1 AS a, 'x' AS b", "CSVWithNames")).toBe('"a","b"\n1,"x"\n');
    const numbers = await read(store(), "SELECT number AS n FROM numbers(200000)");
    expect(numbers.trimEnd().split("\n")).toHaveLength(200_000);
    expect(await read(store(), "SELECT {v:String} AS v", "CSV", { parameters: { v: "p" } })).toBe(
      '"p"\n',
    );
  });

  it("answers SHOW TABLES, DESCRIBE and EXPLAIN", async () => {
    expect(await read(store(), "SHOW TABLES")).toContain('{"name":"flows"}');
    expect(await read(store(), "DESCRIBE TABLE flows")).toContain('"name":"src_ip"');
    expect(await read(store(), "EXPLAIN SELECT count() FROM flows")).toContain("ReadFrom");
  });

  it.each([
    ["rows", "SELECT number FROM numbers(1000)", { maxResultRows: 10 }],
    ["time", "SELECT sleepEachRow(0.1) FROM numbers(100)", { maxSeconds: 1 }],
    [
      "memory",
      "SELECT uniqExact(number), groupArray(toString(number)) FROM numbers(30000000)",
      { maxMemoryBytes: 50_000_000 },
    ],
  ])("stops untrusted SQL that takes too many %s", async (_what, sql, limits) => {
    expect((await failure(read(store(), sql, "JSONEachRow", { limits }))).kind).toBe("limit");
  });
}

function stopping(store: GetStore): void {
  it("stops a statement whose caller has gone, in the engine as well", async () => {
    const gone = new AbortController();
    const endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
    const options = { signal: gone.signal, marker: "endless-1" };
    const running = failure(read(store(), endless, "JSONEachRow", options));
    const isRunning = async () => {
      const rows = await store().query<{ n: number }>(
        "SELECT count() AS n FROM system.processes WHERE match(query, '(^|[*]/ )SELECT count[(][)] FROM numbers')",
      );
      return rows[0]?.n;
    };
    while ((await isRunning()) === 0);
    while (((await store().progressOf("endless-1"))?.readRows ?? 0) === 0);
    expect(await store().progressOf("endless-1")).toMatchObject({
      seconds: expect.any(Number),
      totalRows: 1_000_000_000_000,
    });
    expect(await store().progressOf("endless-2")).toBeUndefined();
    gone.abort();
    expect((await running).kind).toBe("aborted");
    while ((await isRunning()) !== 0);
    expect(await isRunning()).toBe(0);
    expect(await store().progressOf("endless-1")).toBeUndefined();
    const odd = store().progressOf("*/ x");
    expect((await failure(odd)).message).toContain("is no marker");
  });

  it("starts nothing for a caller who has gone before", async () => {
    const error = await failure(store().query("SELECT 1", { signal: AbortSignal.abort() }));
    expect(error.kind).toBe("aborted");
  });
}
