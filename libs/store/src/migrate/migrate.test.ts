import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import { startEmbeddedHttpDoor } from "../http-door/door.ts";
import { openServerStore } from "../server/server-store.ts";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { readMigrations, schemaDirectory } from "./migrations.ts";

const open = (path: string, schema: string): Promise<EmbeddedStore> =>
  openEmbeddedStore({ directory: join(path, "store"), schemaDirectory: schema });

/** A copy of the schema that a test may change. */
async function schemaCopy(path: string, upTo = 9999): Promise<string> {
  const copy = join(path, "schema");
  await mkdir(copy, { recursive: true });
  for (const name of await readdir(schemaDirectory))
    if (Number(name.slice(0, 4)) <= upTo) await copyFile(schemaDirectory + name, join(copy, name));
  return copy;
}

const files = (await readdir(schemaDirectory)).filter((name) => name.endsWith(".sql"));
/** The number of the migration after the last. */
const next = String(files.length + 1).padStart(4, "0");

describe("migrations", () => {
  it("bring two processes that start together to the same schema", async () => {
    await using folder = await temporaryDirectory();
    await using door = await startEmbeddedHttpDoor(
      { directory: folder.path },
      { listen: "127.0.0.1:0" },
    );
    const stores = await Promise.all([1, 2, 3].map(() => openServerStore({ url: door.url })));
    await Promise.all(stores.map((store) => store.migrate()));
    const [store] = stores;
    const migrations = await readMigrations(schemaDirectory);
    expect(
      await store?.query("SELECT name, checksum FROM migrations FINAL ORDER BY number"),
    ).toEqual(migrations.map(({ name, checksum }) => ({ name, checksum })));
    // One of each view, or a row would be rolled up twice.
    await store?.insertNative("flows", flowBlock([{ time: Date.now() * 1000 }]), "one");
    expect(await store?.query("SELECT sum(connections) AS n FROM edges_1d")).toEqual([{ n: 1 }]);
    await Promise.all(stores.map((one) => one.close()));
  });

  // From the first that had flows and roll-ups.
  it.each(Array.from({ length: files.length - 2 }, (_, at) => at + 2))(
    "open a directory that version %i wrote, and go on in it",
    async (version) => {
      await using folder = await temporaryDirectory();
      const older = await schemaCopy(folder.path, version);
      const time = Date.now() * 1000;
      const old = flowBlock([{ time, bytes: 7, source: { ip: "192.0.2.7" } }]);
      {
        await using store = await open(folder.path, older);
        // What a later version's rows have beyond this one's columns is left out.
        await store.migrate();
        expect(await store.insertNative("flows", old, "old")).toBe(true);
      }
      await using store = await open(folder.path, schemaDirectory);
      await store.migrate();
      // The batch that was in flight when the version changed comes again.
      expect(await store.insertNative("flows", old, "old")).toBe(false);
      await store.insertNative("flows", flowBlock([{ time, bytes: 5 }]), "new");
      for (const table of ["flows", "edges_1m", "edges_1h", "edges_1d"])
        expect({
          table,
          found: await store.query(`SELECT sum(bytes) AS bytes FROM ${table}`),
        }).toEqual({ table, found: [{ bytes: 12 }] });
      const kept =
        "SELECT src_ip, srtt_us, close_reason, dns_name FROM flows WHERE src_ip = '192.0.2.7' AND src_addr = toIPv6('192.0.2.7')";
      expect(await store.query(kept)).toEqual([
        { src_ip: "192.0.2.7", srtt_us: null, close_reason: "none", dns_name: "" },
      ]);
      // Those that the older version did not have.
      for (const table of ["ledger", "events", "workload_history", "policies"])
        expect(await store.query(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 0 }]);
    },
  );

  it("take over the policies of a directory that kept each text for each generation", async () => {
    await using folder = await temporaryDirectory();
    const schema = await schemaCopy(folder.path, 7);
    await using store = await open(folder.path, schema);
    await store.migrate();
    await store.command(`INSERT INTO policy_records VALUES
      (1, 'shop', 'a', 1, 'enforce', 'a1', 1), (1, 'shop', 'b', 1, 'enforce', 'b1', 1),
      (2, 'shop', 'a', 2, 'enforce', 'a2', 2), (2, 'shop', 'a', 3, 'enforce', 'a2', 2),
      (3, '', '', 4, 'observe', '', 3), (4, 'shop', 'a', 5, 'enforce', 'a2', 4)`);
    const shown =
      "SELECT generation, mode, name, text, valid_from, valid_until FROM policies ORDER BY generation, name";
    const before = await store.query(shown);
    await schemaCopy(folder.path);
    await store.migrate();
    expect(await store.query(shown)).toEqual(before);
    expect(before).toHaveLength(4);
  });

  it("refuse a directory that a newer version wrote", async () => {
    await using folder = await temporaryDirectory();
    const newer = await schemaCopy(folder.path);
    await writeFile(
      join(newer, `${next}-more.sql`),
      "CREATE TABLE more (x UInt8) ENGINE = Memory;",
    );
    {
      await using store = await open(folder.path, newer);
      await store.migrate();
    }
    await using store = await open(folder.path, schemaDirectory);
    await expect(store.migrate()).rejects.toMatchObject({
      kind: "migration",
      message: expect.stringContaining(`${next}-more.sql`),
    });
  });

  it("refuse a file that was changed after it was applied, and name it", async () => {
    await using folder = await temporaryDirectory();
    const schema = await schemaCopy(folder.path);
    await using store = await open(folder.path, schema);
    await store.migrate();
    await writeFile(join(schema, "0006-events.sql"), "-- another comment is fine\nSELECT 1;");
    await expect(store.migrate()).rejects.toMatchObject({
      kind: "migration",
      message: expect.stringContaining("0006-events.sql is not what was applied"),
    });
  });

  it("say which statement failed, and go on from there once it is right", async () => {
    await using folder = await temporaryDirectory();
    const schema = await schemaCopy(folder.path);
    const file = join(schema, `${next}-wrong.sql`);
    const good = "CREATE TABLE IF NOT EXISTS good (x UInt8) ENGINE = MergeTree ORDER BY x;\n";
    await writeFile(file, `${good}CREATE TABLE bad;`);
    await using store = await open(folder.path, schema);
    await expect(store.migrate()).rejects.toMatchObject({
      kind: "migration",
      message: expect.stringContaining(`${next}-wrong.sql, statement 2 of 2`),
    });
    await writeFile(file, good);
    await store.migrate();
    expect(await store.query("SELECT max(number) AS n FROM migrations")).toEqual([
      { n: Number(next) },
    ]);
  });

  it("refuse a gap in the numbers", async () => {
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, "0002-x.sql"), "SELECT 1;");
    await expect(readMigrations(folder.path)).rejects.toThrow("0002-x.sql stands where number 1");
  });
});
