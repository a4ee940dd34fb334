import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { StoreError } from "../error.ts";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { openEmbeddedStore, type EmbeddedStore } from "../embedded/embedded-store.ts";
import { type HttpDoor, startEmbeddedHttpDoor } from "./door.ts";
import { formatOf, insertWithData } from "./statement.ts";

describe("the HTTP door over the embedded engine", () => {
  let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
  let store: EmbeddedStore;
  let door: HttpDoor;
  let client: ClickHouseClient;

  beforeAll(async () => {
    folder = await temporaryDirectory();
    store = await openEmbeddedStore({ directory: folder.path, maxConcurrentQueries: 2 });
    await store.migrate();
    door = await startEmbeddedHttpDoor(store, {
      listen: "127.0.0.1:0",
      password: "secret",
      maxBodyBytes: 1_000_000,
    });
    client = createClient({
      url: door.url,
      password: "secret",
      database: "weir",
      log: { level: ClickHouseLogLevel.OFF },
    });
    await client.command({
      query: "CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a",
    });
  });

  afterAll(async () => {
    await client.close();
    await door.close();
    await store.close();
    await folder[Symbol.asyncDispose]();
  });

  const ask = (query: string, init: RequestInit = {}) =>
    fetch(`${door.url}/?database=weir&${query}`, {
      ...init,
      headers: { "x-clickhouse-key": "secret", ...(init.headers as Record<string, string>) },
    });

  it("serves @clickhouse/client: ping, insert, query, parameters, stream", async () => {
    expect((await client.ping()).success).toBe(true);
    await client.insert({
      table: "t",
      values: [
        { a: 1, b: "one" },
        { a: 2, b: "it's\n\\" },
      ],
      format: "JSONEachRow",
    });
    const answer = await client.query({
      query: "SELECT * FROM t WHERE b = {b:String}",
      query_params: { b: "it's\n\\" },
      format: "JSON",
    });
    expect((await answer.json()).data).toEqual([{ a: 2, b: "it's\n\\" }]);
    const rows = await client.query({ query: "SELECT a FROM t ORDER BY a", format: "CSV" });
    expect(await rows.text()).toBe("1\n2\n");
  });

  it("gives the place of a client back that goes away in the middle of what it sends", async () => {
    await using narrow = await startEmbeddedHttpDoor(store, {
      listen: "127.0.0.1:0",
      maxRequests: 1,
    });
    const headers = { "content-encoding": "gzip" };
    const leaving = request(`${narrow.url}/?query=SELECT`, { method: "POST", headers });
    leaving.on("error", () => {});
    leaving.write(gzipSync("SELECT 1").subarray(0, 12));
    const status = async (): Promise<number> =>
      (await fetch(`${narrow.url}/?query=SELECT+1`)).status;
    while ((await status()) !== 503);
    leaving.destroy();
    const until = Date.now() + 3000;
    while ((await status()) === 503 && Date.now() < until);
    expect(await status()).toBe(200);
  });

  it("gives errors that the client can read", async () => {
    await expect(client.query({ query: "SELECT x FROM nowhere" })).rejects.toMatchObject({
      code: "60",
      type: "UNKNOWN_TABLE",
    });
    const answer = await ask("query=SELEC");
    expect(answer.status).toBe(400);
    expect(answer.headers.get("x-clickhouse-exception-code")).toBe("62");
    expect(await answer.text()).toMatch(/^Code: 62\. DB::Exception: .*\(SYNTAX_ERROR\)/s);
  });

  it("takes what curl would send: a query, a query and data, both in the body, gzip", async () => {
    expect(await (await ask("query=SELECT+1+AS+x+FORMAT+JSONEachRow")).text()).toBe('{"x":1}\n');
    const post = (query: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
      ask(query, { method: "POST", body, headers });
    await post("query=INSERT+INTO+t+FORMAT+CSV", "10,ten\n");
    await post("", "INSERT INTO t (b, a) FORMAT TabSeparated\nélève\t11\n");
    await post("", "INSERT INTO t VALUES (12, 'FORMAT twelve')");
    await post(
      "query=INSERT+INTO+weir.t+SETTINGS+async_insert=0+FORMAT+CSV",
      new Uint8Array(gzipSync("13,z\n")),
      {
        "content-encoding": "gzip",
      },
    );
    const answer = await post(
      "default_format=JSONCompactEachRow",
      "SELECT a, b FROM t WHERE a >= 10 ORDER BY a;",
    );
    expect(answer.headers.get("x-clickhouse-format")).toBe("JSONCompactEachRow");
    expect(await answer.text()).toBe(
      '[10, "ten"]\n[11, "élève"]\n[12, "FORMAT twelve"]\n[13, "z"]\n',
    );
  });

  it("takes a Native block once under its token", async () => {
    const block = flowBlock([{ time: Date.now() * 1000, node: "by-http" }]);
    for (let round = 0; round < 2; round++) {
      const answer = await ask(
        "query=INSERT+INTO+flows+FORMAT+Native&insert_deduplication_token=same",
        { method: "POST", body: Buffer.from(block) },
      );
      expect(answer.status).toBe(200);
    }
    expect(await store.query("SELECT count() AS n FROM flows WHERE node = 'by-http'")).toEqual([
      { n: 1 },
    ]);
  });

  it("passes settings on, and lets GET and readonly only read", async () => {
    const body = "SELECT getSetting('max_threads') AS n FORMAT TSV";
    expect(await (await ask("max_threads=1", { method: "POST", body })).text()).toBe("1\n");
    expect((await ask("query=DROP+TABLE+t")).status).toBe(403);
    const drop = { method: "POST", body: "DROP TABLE t" };
    expect((await ask("readonly=1", drop)).status).toBe(403);
    expect((await ask("max_result_rows=1&query=SELECT+number+FROM+numbers(5)")).status).toBe(500);
    expect((await ask("no_such_setting=1&query=SELECT+1")).status).toBeGreaterThanOrEqual(400);
    expect(await store.query("SELECT count() > 0 AS yes FROM t")).toEqual([{ yes: 1 }]);
  });

  it("asks for the password, in each of the ways a client may give it", async () => {
    const plain = (query: string, headers = {}) => fetch(`${door.url}/?${query}`, { headers });
    expect((await plain("query=SELECT+1")).status).toBe(401);
    expect((await plain("query=SELECT+1&password=wrong!")).status).toBe(401);
    expect((await plain("query=SELECT+1&password=secret&user=nobody")).status).toBe(401);
    expect((await plain("query=SELECT+1&password=secret")).status).toBe(200);
    const basic = `Basic ${Buffer.from("default:secret").toString("base64")}`;
    expect((await plain("query=SELECT+1", { authorization: basic })).status).toBe(200);
  });

  it("refuses a body above its bound, and files of its own machine", async () => {
    const large = { method: "POST", body: "x".repeat(1_000_001) };
    expect(await (await ask("query=INSERT+INTO+t+FORMAT+CSV", large)).text()).toContain(
      "more than 1000000 bytes",
    );
    for (const sql of [
      "SELECT file('/etc/passwd')",
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT 1 INTO OUTFILE '/tmp/weir-never'",
      "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
      "INSERT INTO t SELECT 1, file('/etc/passwd')",
      "CREATE VIEW v AS SELECT file('/etc/passwd')",
    ])
      expect((await ask("", { method: "POST", body: sql })).status).toBe(403);
  });

  it("stops a statement in the engine when its client goes away", async () => {
    const gone = new AbortController();
    const endless = "SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number) = 1";
    const answer = ask("", { method: "POST", body: endless, signal: gone.signal });
    const running = async () => {
      const rows = await store.query<{ n: number }>(
        "SELECT count() AS n FROM system.processes WHERE query LIKE '%*/ SELECT count() FROM numbers(1000000000000)%' AND query NOT LIKE '%system.processes%'",
      );
      return rows[0]?.n;
    };
    while ((await running()) === 0);
    gone.abort();
    await expect(answer).rejects.toThrow();
    while ((await running()) !== 0);
  });

  it("does not listen beyond loopback without a password", async () => {
    const open = startEmbeddedHttpDoor(store, { listen: "0.0.0.0:0" });
    await expect(open).rejects.toBeInstanceOf(StoreError);
    await expect(open).rejects.toThrow("set a password");
    await expect(startEmbeddedHttpDoor(store, { listen: "here" })).rejects.toThrow(
      "127.0.0.1:8123",
    );
  });
});

describe("taking an INSERT apart", () => {
  it.each([
    ["INSERT INTO t FORMAT Native", "INSERT INTO t", "Native", {}],
    [
      "insert into `a b`.t (x, `y z`)\nformat CSV\n1,2",
      "insert into `a b`.t (x, `y z`)",
      "CSV",
      {},
    ],
    [
      "INSERT INTO t (* EXCEPT(x)) SETTINGS a=1, b = 'c d' FORMAT JSONEachRow",
      "INSERT INTO t (* EXCEPT(x))",
      "JSONEachRow",
      { a: "1", b: "c d" },
    ],
  ])("%s", (sql, head, format, settings) => {
    expect(insertWithData(sql)).toMatchObject({ head, format, settings });
  });

  it.each([
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t SELECT 1 FORMAT CSV",
    "INSERT INTO t FORMAT VALUES (1)",
    "SELECT 'INSERT INTO t FORMAT CSV'",
    "INSERT INTO FUNCTION file('x') FORMAT CSV",
  ])("leaves alone: %s", (sql) => {
    expect(insertWithData(sql)).toBeUndefined();
  });

  it("sees the format at the end of a statement", () => {
    expect(formatOf("SELECT 1 FORMAT JSON")).toBe("JSON");
    expect(formatOf("SELECT 1 format CSV settings max_threads=1;")).toBe("CSV");
    expect(formatOf("SELECT 'x FORMAT JSON'")).toBeUndefined();
  });
});
