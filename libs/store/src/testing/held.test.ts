import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  certainQuery,
  type CertainRow,
  gapsQuery,
  type LedgerQuestion,
  ledgerQuery,
} from "@weir/query";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import { encodeRows } from "../tables/encode-rows.ts";
import { flows } from "../tables/flows.ts";
import { ledger } from "../tables/ledger.ts";
import { flowBlock } from "./flows.ts";
import { temporaryDirectory } from "./temporary.ts";

// Reports are held against what each part of flows has counted of itself.

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: EmbeddedStore;
const second = 1_000_000;
/** Noon, so that all of it is one day. */
const noon = Math.floor(Date.now() / 86_400_000) * 86_400 * second - 43_200 * second;
const question: LedgerQuestion = {
  since: noon + 1000,
  until: noon + 3600 * second,
  settleSeconds: 0,
};
const perBlock = 1000;
const late = 5;

const blocks = (...numbers: number[]) =>
  flowBlock(
    numbers.flatMap((number) =>
      Array.from({ length: perBlock }, () => ({
        ...{ node: "n1", block: number, time: noon + number * second },
      })),
    ),
  );
const report = (number: number) => ({
  ...{ version: "0", generation: 0, revision: 0, mode: "observe" as const, error: null, lost: {} },
  ...{ attached: [], hooks: {}, odometers: [], node: "n1", boot_id: "boot-1" },
  ...{ time: noon + number * second + 1, blocks: number, produced: number * perBlock },
  counters: { last_block: number },
});

/** Whether all that was reported is there, by the counts of the parts. */
async function isCertain(): Promise<boolean> {
  const { sql, parameters } = certainQuery(question);
  const rows = await store.query<CertainRow>(sql, { parameters });
  expect(rows.map(({ node }) => node)).toEqual(["n1"]);
  return rows.every(({ certain }) => certain);
}

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openEmbeddedStore({ directory: folder.path });
  await store.migrate();
  const numbers = Array.from({ length: 20 }, (_, at) => at + 1);
  await store.insertNative("ledger", encodeRows(ledger, [0, ...numbers].map(report)), "reports");
  const most = blocks(...numbers.filter((one) => one !== late && one !== 3));
  await store.insertNative("flows", most, "most");
  await store.insertNative("flows", blocks(3), "block 3");
});
afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

describe("rows of blocks", () => {
  it("are asked of what the parts have counted, not of their rows", async () => {
    await store.command("OPTIMIZE TABLE flows FINAL");
    for (const ask of [certainQuery, gapsQuery, ledgerQuery]) {
      const { sql, parameters } = ask(question);
      const plan = await store.query<{ explain: string }>(`EXPLAIN ${sql}`, { parameters });
      const reads = plan.flatMap(
        ({ explain }) => /ReadFromMergeTree \((.*)\)/.exec(explain)?.[1] ?? [],
      );
      expect(reads).toContain("blocks");
      // The ledger's plan has rows as well: of boots whose numbers began anew, and of replayed blocks.
      if (ask !== ledgerQuery) expect(reads).not.toContain("weir.flows");
    }
  });

  it("are each counted once, repeated or late", async () => {
    expect(await isCertain()).toBe(false);
    await store.insertNative("flows", blocks(late), "late");
    expect(await isCertain()).toBe(true);
    expect(await store.insertNative("flows", blocks(3), "block 3")).toBe(false);
    expect(await isCertain()).toBe(true);
  });

  it("are counted row by row in parts that have not counted them yet", async () => {
    const [definition] = flows.projections ?? [];
    await store.command("ALTER TABLE flows DROP PROJECTION blocks SETTINGS mutations_sync = 1");
    await store.command(`ALTER TABLE flows ADD PROJECTION blocks (${definition?.select})`);
    expect(await isCertain()).toBe(true);
    await store.insertNative("flows", blocks(21), "block 21");
    await store.insertNative("ledger", encodeRows(ledger, [report(21)]), "report 21");
    expect(await isCertain()).toBe(true);
    await store.command(
      "ALTER TABLE flows MATERIALIZE PROJECTION blocks SETTINGS mutations_sync = 1",
    );
    expect(await isCertain()).toBe(true);
  });

  it("are gone with what is deleted", async () => {
    await store.command("ALTER TABLE flows DELETE WHERE block = 7 SETTINGS mutations_sync = 1");
    expect(await isCertain()).toBe(false);
  });
});
