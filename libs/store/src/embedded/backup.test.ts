import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { backupEmbeddedStore, restoreEmbeddedStore } from "./backup.ts";
import { type EmbeddedStore, openEmbeddedStore } from "./embedded-store.ts";

let home: Awaited<ReturnType<typeof temporaryDirectory>>;
const at = (name: string) => join(home.path, name);

/** What every table has, whatever parts it is in. */
async function contents(store: EmbeddedStore): Promise<Record<string, unknown>> {
  const tables = await store.query<{ name: string; create_table_query: string }>(
    "SELECT name, create_table_query FROM system.tables WHERE database = 'weir' AND engine LIKE '%MergeTree' ORDER BY name",
  );
  const all: Record<string, unknown> = {};
  for (const { name, create_table_query } of tables)
    all[name] = [create_table_query, await store.query(`SELECT * FROM ${name} ORDER BY ALL`)];
  return all;
}

let before: Record<string, unknown>;

beforeAll(async () => {
  home = await temporaryDirectory();
  await using store = await openEmbeddedStore({ directory: at("data") });
  await store.migrate();
  const time = Date.now() * 1000;
  const rows = Array.from({ length: 500 }, (_, n) => ({
    time: time - n * 3_600_000_000,
    packets: n,
  }));
  await store.insertNative("flows", flowBlock(rows), "backup");
  await expect(store.command(`BACKUP DATABASE weir TO File('${at("no")}')`)).rejects.toMatchObject({
    kind: "refused",
  });
  await expect(
    backupEmbeddedStore({ directory: at("data"), folder: at("held") }),
  ).rejects.toMatchObject({ kind: "locked" });
  before = await contents(store);
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

describe("a backup", () => {
  it("has every row of every table, and the migrations", async () => {
    await backupEmbeddedStore({ directory: at("data"), folder: at("copy & 1") });
    await restoreEmbeddedStore({ directory: at("again"), folder: at("copy & 1") });
    await using store = await openEmbeddedStore({ directory: at("again") });
    expect(await contents(store)).toEqual(before);
    await store.migrate();
    expect(await contents(store)).toEqual(before);
    // The roll-ups go on.
    await store.insertNative("flows", flowBlock([{ time: Date.now() * 1000, packets: 7 }]), "new");
    const [sum] = await store.query("SELECT sum(packets) AS n FROM edges_1d");
    expect(sum).toEqual({ n: (500 * 499) / 2 + 7 });
  });

  it("goes into an empty folder, and is restored into one", async () => {
    mkdirSync(at("full"));
    writeFileSync(join(at("full"), "mine"), "");
    const full = { directory: at("data"), folder: at("full") };
    await expect(backupEmbeddedStore(full)).rejects.toThrow(/is not empty/);
    const over = { directory: at("full"), folder: at("copy & 1") };
    await expect(restoreEmbeddedStore(over)).rejects.toThrow(/is not empty/);
    expect(readdirSync(at("full"))).toEqual(["mine"]);
  });

  it("that is damaged, or was interrupted, is not restored", async () => {
    const [directory, folder] = [at("never"), at("broken")];
    await backupEmbeddedStore({ directory: at("data"), folder });
    appendFileSync(join(folder, "tables/metadata/weir/flows.sql"), " ");
    await expect(restoreEmbeddedStore({ directory, folder })).rejects.toThrow(/damaged/);
    rmSync(join(folder, "tables/metadata/weir/flows.sql"));
    await expect(restoreEmbeddedStore({ directory, folder })).rejects.toThrow(/is missing/);
    rmSync(join(folder, "weir-backup.json"));
    await expect(restoreEmbeddedStore({ directory, folder })).rejects.toThrow(/interrupted/);
    expect(existsSync(directory)).toBe(false);
  });
});
