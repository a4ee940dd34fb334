import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Store } from "../contract.ts";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import { StoreError } from "../error.ts";
import { startEmbeddedHttpDoor, type HttpDoor } from "../http-door/door.ts";
import { openServerStore, type ServerStore } from "../server/server-store.ts";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let embedded: EmbeddedStore;
let door: HttpDoor;
let server: ServerStore;
/** Answers whoever comes, and counts them. */
let outside: Server;
let visitors = 0;
let outsidePort: number;
const secret = "root:x:0:0:the secret";

beforeAll(async () => {
  folder = await temporaryDirectory();
  await writeFile(join(folder.path, "secret"), `${secret}\n`);
  outside = createServer((_request, response) => {
    visitors++;
    response.end(secret);
  });
  await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve));
  outsidePort = (outside.address() as AddressInfo).port;
  embedded = await openEmbeddedStore({ directory: join(folder.path, "store") });
  await embedded.migrate();
  await embedded.insertNative("flows", flowBlock([{ time: Date.now() * 1000 }]), "one");
  await embedded.command("CREATE DATABASE IF NOT EXISTS other");
  await embedded.command("CREATE TABLE other.hidden (x String) ENGINE = MergeTree ORDER BY x");
  await embedded.command(`INSERT INTO other.hidden VALUES ('${secret}')`);
  door = await startEmbeddedHttpDoor(embedded, { listen: "127.0.0.1:0" });
  server = await openServerStore({ url: door.url });
});

afterAll(async () => {
  await server.close();
  await door.close();
  await embedded.close();
  outside.close();
  await folder[Symbol.asyncDispose]();
});

/** PASSWD and URL stand for the file and the address that must not be reached. */
const attempts = [
  // Files, by every door there is
  "SELECT * FROM file('PASSWD', 'LineAsString')",
  "SELECT * FROM file('PASSWD', 'CSV', 'a String')",
  "SELECT * FROM FILE('PASSWD', 'LineAsString')",
  "SELECT * FROM `file`('PASSWD', 'LineAsString')",
  "SELECT * FROM /* x */ file /* y */ ('PASSWD', 'LineAsString')",
  "FROM file('PASSWD', 'LineAsString') SELECT *",
  "SELECT file('PASSWD')",
  "SELECT `file`('PASSWD')",
  "SELECT \"file\"('PASSWD')",
  "SELECT (SELECT file('PASSWD'))",
  "SELECT arrayMap(x -> file(x), ['PASSWD'])",
  "SELECT apply(file, 'PASSWD')",
  "SELECT 'PASSWD' AS p, file(p)",
  "WITH file('PASSWD') AS f SELECT f",
  "WITH f AS (SELECT * FROM file('PASSWD', 'LineAsString')) SELECT * FROM f",
  "SELECT * FROM view(SELECT file('PASSWD'))",
  "SELECT * FROM view(SELECT * FROM file('PASSWD', 'LineAsString'))",
  "SELECT * FROM flows WHERE file('PASSWD') != ''",
  "SELECT * FROM flows ORDER BY file('PASSWD')",
  "SELECT count() FROM flows GROUP BY file('PASSWD')",
  "SELECT count() FROM flows HAVING file('PASSWD') != ''",
  "SELECT 1 LIMIT length(file('PASSWD'))",
  "SELECT number FROM numbers(length(file('PASSWD')))",
  "SELECT 'x' IN (SELECT line FROM file('PASSWD', 'LineAsString'))",
  "SELECT 'x' IN file('PASSWD', 'LineAsString')",
  "SELECT 1 UNION ALL SELECT length(file('PASSWD'))",
  "SELECT 1 INTERSECT SELECT length(file('PASSWD'))",
  "SELECT f.* FROM flows JOIN file('PASSWD', 'LineAsString') AS f ON 1",
  "SELECT * FROM loop(file('PASSWD', 'LineAsString'))",
  "SELECT * FROM loop(other, hidden)",
  "SELECT * FROM fileCluster('default', 'PASSWD', 'LineAsString')",
  "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT * FROM file('PASSWD', 'LineAsString')))",
  "SELECT * FROM filesystem('/etc')",
  "SELECT * FROM 'PASSWD'",
  "SELECT * FROM `PASSWD`",
  "SELECT catboostEvaluate('PASSWD', 1.0)",
  "SELECT * FROM sqlite('PASSWD', 't')",
  "SELECT * FROM executable('cat PASSWD', 'LineAsString', 'line String')",
  "SELECT * FROM icebergLocal('/etc')",
  "SELECT * FROM deltaLakeLocal('/etc')",
  "SELECT * FROM eval('SELECT file(''PASSWD'')')",
  "EXPLAIN SELECT * FROM file('PASSWD', 'LineAsString')",
  "EXPLAIN QUERY TREE SELECT * FROM file('PASSWD', 'LineAsString')",
  "EXPLAIN PLAN SELECT file('PASSWD')",
  "DESCRIBE TABLE file('PASSWD', 'CSV')",
  "DESCRIBE (SELECT file('PASSWD'))",
  "DESC file('PASSWD')",
  // Writing
  "SELECT 1 INTO OUTFILE 'PASSWD.out'",
  "SELECT 1 INTO OUTFILE 'PASSWD.out' TRUNCATE",
  "SELECT 1 INTO OUTFILE 'PASSWD.out' FORMAT CSV SETTINGS max_threads = 1",
  "SHOW TABLES INTO OUTFILE 'PASSWD.out'",
  "DESCRIBE TABLE flows INTO OUTFILE 'PASSWD.out'",
  "EXPLAIN SELECT 1 INTO OUTFILE 'PASSWD.out'",
  "INSERT INTO FUNCTION file('PASSWD.out', 'CSV', 'x UInt8') SELECT 1",
  "INSERT INTO flows FROM INFILE 'PASSWD' FORMAT CSV",
  "INSERT INTO flows (node) SELECT 'x'",
  "CREATE TABLE x (a UInt8) ENGINE = File(CSV, 'PASSWD')",
  "CREATE TEMPORARY TABLE x (a UInt8)",
  "CREATE VIEW x AS SELECT file('PASSWD')",
  "CREATE FUNCTION f AS x -> file(x)",
  "ALTER TABLE flows DELETE WHERE 1",
  "TRUNCATE TABLE flows",
  "DROP TABLE flows",
  "DROP DATABASE weir",
  "OPTIMIZE TABLE flows FINAL",
  "BACKUP TABLE flows TO File('PASSWD.out')",
  // Other servers
  "SELECT * FROM url('URL', 'LineAsString')",
  "SELECT * FROM urlCluster('default', 'URL', 'LineAsString')",
  "SELECT * FROM s3('URL/bucket/key', 'LineAsString')",
  "SELECT * FROM gcs('URL/bucket/key', 'LineAsString')",
  "SELECT * FROM remote('127.0.0.1:PORT', other.hidden)",
  "SELECT * FROM remoteSecure('127.0.0.1:PORT', other.hidden)",
  "SELECT * FROM cluster('default', other.hidden)",
  "SELECT * FROM mysql('127.0.0.1:PORT', 'a', 'b', 'c', 'd')",
  "SELECT * FROM postgresql('127.0.0.1:PORT', 'a', 'b', 'c', 'd')",
  "SELECT * FROM mongodb('127.0.0.1:PORT', 'a', 'b', 'c', 'd', 'x String')",
  "SELECT * FROM redis('127.0.0.1:PORT', 'x', 'x String')",
  "SELECT * FROM hdfs('hdfs://127.0.0.1:PORT/x', 'TSV', 'x String')",
  "SELECT * FROM azureBlobStorage('URL', 'a', 'b', 'c')",
  "SELECT hasColumnInTable('127.0.0.1:PORT', 'other', 'hidden', 'x')",
  "SELECT aiGenerate('x')",
  "DESCRIBE TABLE url('URL', 'CSV')",
  // The engine, its other tables, its settings
  "SELECT * FROM other.hidden",
  "SELECT * FROM merge('other', '.*')",
  "SELECT * FROM system.processes",
  "SELECT * FROM `system`.`processes`",
  "SELECT * FROM SYSTEM.processes",
  "SELECT * FROM system.stack_trace",
  "SELECT * FROM information_schema.tables",
  "SELECT 1 IN system.processes",
  "SELECT * FROM view(SELECT * FROM system.server_settings)",
  "SELECT getServerSetting('path')",
  "SHOW PROCESSLIST",
  "SHOW GRANTS",
  "SHOW TABLES FROM other",
  "DESCRIBE TABLE other.hidden",
  "SHOW CREATE TABLE other.hidden",
  "DESCRIBE TABLE system.processes",
  "SELECT 1 SETTINGS max_execution_time = 0",
  "SELECT (SELECT 1 SETTINGS readonly = 0)",
  "SELECT 1 FORMAT CSV",
  "SET readonly = 0",
  "SET ROLE weir_owner",
  "SET param_x = '1'",
  "EXECUTE AS default SELECT 1",
  "USE system",
  "SYSTEM SHUTDOWN",
  "SYSTEM FLUSH LOGS",
  "KILL QUERY WHERE 1",
  "GRANT ALL ON *.* TO default",
  "SELECT 1 PARALLEL WITH SELECT 2",
  // More than one
  "SELECT 1; SELECT file('PASSWD')",
  "SELECT 1; DROP TABLE flows",
  "SELECT 1 -- ; \n; DROP TABLE flows",
  "SELECT '\\'; DROP TABLE flows; --'; SELECT 1",
  "",
  "-- nothing",
] as const;

describe.each<[string, () => Store]>([
  ["embedded", () => embedded],
  ["server", () => server],
])("untrusted SQL, %s", (_kind, store) => {
  const run = async (sql: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store().queryReadOnly(sql, "JSONEachRow")) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  };

  it.each(attempts.map((attempt) => ({ attempt })))("is refused: $attempt", async ({ attempt }) => {
    const sql = attempt
      .replaceAll("PASSWD", join(folder.path, "secret"))
      .replaceAll("URL", `http://127.0.0.1:${outsidePort}`)
      .replaceAll("PORT", String(outsidePort));
    const before = visitors;
    const error: unknown = await run(sql).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as StoreError).message).not.toContain("the secret");
    expect(visitors).toBe(before);
    expect(existsSync(join(folder.path, "secret.out"))).toBe(false);
  });

  it("leaves the tables as they were", async () => {
    expect(await store().query("SELECT count() AS n FROM flows")).toEqual([{ n: 1 }]);
    expect(readdirSync(folder.path).sort()).toEqual(["secret", "store"]);
  });

  it.each([
    ["SELECT count() AS n FROM flows", '{"n":1}\n'],
    ["select count() as n from weir.flows;", '{"n":1}\n'],
    ["SELECT 1 AS n -- a comment; with a semicolon\n", '{"n":1}\n'],
    ["WITH 1 AS n SELECT n", '{"n":1}\n'],
    ["SELECT n FROM (SELECT 1 AS n UNION ALL SELECT 2) ORDER BY n", '{"n":1}\n{"n":2}\n'],
    ["SELECT 1 AS n EXCEPT SELECT 2", '{"n":1}\n'],
    ["SELECT 'INTO OUTFILE file(' AS t", '{"t":"INTO OUTFILE file("}\n'],
    ["SELECT 'a\n Function file' AS t", '{"t":"a\\n Function file"}\n'],
    ["SELECT format('{}-{}', 'a', 'b') AS t", '{"t":"a-b"}\n'],
    ["SELECT sum(number) AS n FROM numbers(4)", '{"n":6}\n'],
    [
      "SELECT t.x AS n FROM (SELECT 1 AS x) AS t JOIN (SELECT 1 AS y) AS u ON t.x = u.y",
      '{"n":1}\n',
    ],
    ["EXISTS TABLE flows", '{"result":1}\n'],
    ["SELECT count() > 30 AS n FROM system.columns WHERE table = 'flows'", '{"n":1}\n'],
  ])("is answered: %s", async (sql, answer) => {
    expect(await run(sql)).toBe(answer);
  });

  it("is refused by the engine as well, where the parser let it through", async () => {
    // The second fence, without the first: what the role and readonly refuse by themselves.
    const reader = (sql: string) => embedded.run({ sql, as: "reader", format: "TSV" });
    for (const sql of [
      `SELECT * FROM file('${folder.path}/secret', 'LineAsString')`,
      `DESCRIBE TABLE file('${folder.path}/secret', 'CSV')`,
      `SELECT * FROM url('http://127.0.0.1:${outsidePort}', 'LineAsString')`,
      "SELECT * FROM other.hidden",
      "SET readonly = 0",
      "INSERT INTO flows (node) SELECT 'x'",
      "DROP TABLE flows",
      "SELECT 1 SETTINGS max_execution_time = 7",
    ])
      await expect(reader(sql)).rejects.toMatchObject({ kind: "refused" });
  });
});
