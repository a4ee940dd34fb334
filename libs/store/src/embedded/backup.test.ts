import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { encodeRows } from "../tables/encode-rows.ts";
import { deadLetters } from "../tables/dead-letters.ts";
import { events } from "../tables/events.ts";
import { ledger } from "../tables/ledger.ts";
import { policyGenerations, policyVersions } from "../tables/policies.ts";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { backupEmbeddedStore, restoreEmbeddedStore } from "./backup.ts";
import { type EmbeddedStore, openEmbeddedStore } from "./embedded-store.ts";

let home: Awaited<ReturnType<typeof temporaryDirectory>>;
const at = (name: string) => join(home.path, name);

/** The definition and the rows of each table. */
type Contents = Record<string, [definition: string, rows: unknown[]]>;

/** What every table has, whatever parts it is in. */
async function contents(store: EmbeddedStore): Promise<Contents> {
  const tables = await store.query<{ name: string; create_table_query: string }>(
    "SELECT name, create_table_query FROM system.tables WHERE database = 'weir' AND engine LIKE '%MergeTree' ORDER BY name",
  );
  const all: Contents = {};
  for (const { name, create_table_query } of tables) {
    // Of bytes what they are, whatever JSON makes of them.
    const bytes = name === "dead_letters" ? ", hex(value)" : "";
    const rows = await store.query(`SELECT *${bytes} FROM ${name} ORDER BY ALL`);
    all[name] = [create_table_query, rows];
  }
  return all;
}

/** A row of each table that flows do not end up in, with what is hard to keep. */
async function fillOthers(store: EmbeddedStore, time: number): Promise<void> {
  const text = "it's \\ \t \n ü \0";
  const of = {
    namespace: "shop",
    name: "cart",
    generation: 1,
    revision: 2,
    mode: "enforce",
  } as const;
  const insert = (table: string, block: Uint8Array) => store.insertNative(table, block, table);
  const event = { time, node: "n", bootId: "b", namespace: "", workload: "", pod: "", kind: "k" };
  await insert("events", encodeRows(events, [{ ...event, text, fields: { [text]: text } }]));
  await insert("policy_generations", encodeRows(policyGenerations, [{ ...of, validFrom: time }]));
  await insert("policy_versions", encodeRows(policyVersions, [{ ...of, deleted: false, text }]));
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const letter = { time, topic: "t", partition: 1, offset: 2, function: "f", reason: text };
  await insert("dead_letters", encodeRows(deadLetters, [{ ...letter, key: null, value: bytes }]));
  const report = {
    ...{ node: "n", boot_id: "b", time, version: "0", generation: 1, revision: 2, error: null },
    ...{ mode: "observe" as const, attached: [text], hooks: { tcx: "ok" }, blocks: 2 ** 52 },
    ...{ produced: 7, lost: { ring: 1 }, counters: { last_block: 3 }, odometers: [] },
  };
  await insert("ledger", encodeRows(ledger, [report]));
  await store.command("INSERT INTO odometers (time, node, to_bytes) VALUES (now64(6), 'n', 9)");
  await store.command(
    "INSERT INTO workload_records (namespace, name, uid, labels, addresses, recorded) VALUES ('shop', 'cart-1', 'u', {'a': 'b'}, ['fd00::1'], now64(6))",
  );
}

let before: Contents;

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
  await fillOthers(store, time);
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
    for (const [table, [, rows]] of Object.entries(before))
      expect({ table, rows: rows.length }).not.toEqual({ table, rows: 0 });
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
