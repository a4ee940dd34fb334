import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { flowBlock } from "../testing/flows.ts";
import { numberedBlock, numberedRows } from "../testing/numbered-block.ts";
import { randomNumbers } from "../testing/random.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { type EmbeddedStore, openEmbeddedStore } from "./embedded-store.ts";

const childSource = fileURLToPath(new URL("../testing/child-store.ts", import.meta.url));

const startUs = Date.now() * 1000;
let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let blocks: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await temporaryDirectory();
  blocks = join(folder.path, "blocks");
  mkdirSync(blocks);
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await folder[Symbol.asyncDispose]();
});

/** Starts the child and gives the lines it prints, until `enough` says so. */
async function childUntil(
  directory: string,
  first: number,
  enough: (lines: string[]) => boolean,
): Promise<{ child: ChildProcess; lines: () => string[] }> {
  const given = [directory, blocks, String(first), String(startUs)];
  const child = spawn(process.execPath, [childSource, ...given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let text = "";
  const lines = () => text.split("\n").slice(0, -1);
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      if (enough(lines())) resolve();
    });
    child.once("exit", (code) => reject(new Error(`the child ended by itself: ${code}`)));
  });
  return { child, lines };
}

/** Ends it; what it had printed by then has been read. */
async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await gone;
}

const flowsPerBlock = (store: EmbeddedStore) =>
  store.query<{ block: number; n: number }>(
    "SELECT block, count() AS n FROM flows GROUP BY block ORDER BY block",
  );

const sumsOf = async (store: EmbeddedStore, table: string) =>
  (
    await store.query<{ packets: number; bytes: number }>(
      `SELECT sum(packets) AS packets, sum(bytes) AS bytes FROM ${table}`,
    )
  )[0];

describe("one process per data directory", () => {
  it("tells a second process which one has it", async () => {
    const directory = join(folder.path, "locked");
    const { child } = await childUntil(directory, 0, (lines) => lines.includes("READY"));
    await expect(openEmbeddedStore({ directory, blockDirectory: blocks })).rejects.toMatchObject({
      kind: "locked",
      message: expect.stringContaining(`in use by process ${child.pid}`),
    });
    await kill(child);
    await using store = await openEmbeddedStore({ directory, blockDirectory: blocks });
    expect(await store.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("tells a second store in this process", async () => {
    const directory = join(folder.path, "twice");
    await using _store = await openEmbeddedStore({ directory });
    await expect(openEmbeddedStore({ directory })).rejects.toMatchObject({
      kind: "locked",
      message: expect.stringContaining(`this process (${process.pid})`),
    });
  });

  it("opens another directory after the first is closed, and finds again what it stored", async () => {
    const directory = join(folder.path, "again");
    const block = flowBlock([{ time: Date.now() * 1000, packets: 5 }]);
    {
      await using store = await openEmbeddedStore({ directory });
      await store.migrate();
      expect(await store.insertNative("flows", block, "t")).toBe(true);
    }
    {
      await using other = await openEmbeddedStore({ directory: join(folder.path, "other") });
      await other.migrate();
    }
    await using store = await openEmbeddedStore({ directory });
    await store.migrate();
    expect(await store.insertNative("flows", block, "t")).toBe(false);
    expect(await store.query("SELECT sum(packets) AS n FROM edges_1d")).toEqual([{ n: 5 }]);
  });
});

describe("a process killed during inserts", () => {
  const kills = Number(process.env["WEIR_STORE_KILLS"] ?? 3);
  const blocksPerRound = 8;
  const random = randomNumbers(20);

  it(
    `loses no acknowledged block and has none twice, ${kills} times over`,
    async () => {
      const directory = join(folder.path, "killed");
      let acknowledged = -1;
      for (let round = 0; round < kills; round++) {
        const goal = acknowledged + blocksPerRound;
        // Each round begins with the block whose acknowledgement may not have been seen.
        const begin = Math.max(0, acknowledged);
        const seen = (lines: string[]) => {
          const last = Number(lines.at(-1));
          if (Number.isInteger(last)) acknowledged = Math.max(acknowledged, last);
          return acknowledged >= goal;
        };
        const { child, lines } = await childUntil(directory, begin, seen);
        // Anywhere in the next insert or the one after it.
        await setTimeout(random(120));
        await kill(child);
        seen(lines());
      }
      await using store = await openEmbeddedStore({ directory, blockDirectory: blocks });
      const stored = await flowsPerBlock(store);
      // Whole blocks, all that were acknowledged, and of the others at most the one in work.
      expect(stored.filter((row) => row.n !== numberedRows)).toEqual([]);
      const numbers = stored.map((row) => row.block);
      const beyond = numbers.filter((block) => block > acknowledged);
      expect(numbers).toEqual(
        Array.from({ length: acknowledged + 1 + beyond.length }, (_, n) => n),
      );
      expect(beyond.length).toBeLessThanOrEqual(1);
      // Its source says that one again, and then no roll-up lacks any of it nor has it twice.
      for (const n of [acknowledged, acknowledged + 1]) {
        const { token, block } = numberedBlock(n, startUs);
        await store.insertNative("flows", block, token);
      }
      const all = acknowledged + 2;
      const sums = { packets: all * numberedRows, bytes: ((all * (all + 1)) / 2) * numberedRows };
      for (const table of ["flows", "edges_1m", "edges_1h", "edges_1d"])
        expect({ table, ...(await sumsOf(store, table)) }).toEqual({ table, ...sums });
    },
    20_000 + kills * 10_000,
  );

  it("leaves temporary files that go at the next open, and no others do", async () => {
    const own = mkdtempSync(join(blocks, `weir-store-${process.pid}-1-`));
    const foreign = join(blocks, "weir-store-of-somebody-else");
    const dead = join(blocks, "weir-store-4194304-1-abcdef");
    for (const path of [foreign, dead]) mkdirSync(path);
    writeFileSync(join(dead, "0.block"), "left over");
    const store = await openEmbeddedStore({
      directory: join(folder.path, "clean"),
      blockDirectory: blocks,
    });
    const names = readdirSync(blocks);
    // The number of this process, but of one that started at another time.
    expect(names).not.toContain(own.split("/").at(-1));
    expect(names).not.toContain("weir-store-4194304-1-abcdef");
    expect(names).toContain("weir-store-of-somebody-else");
    const mine = names.filter((name) => name.startsWith(`weir-store-${process.pid}-`));
    expect(mine).toHaveLength(1);
    await store.close();
    expect(readdirSync(blocks)).toEqual(["weir-store-of-somebody-else"]);
  });
});
