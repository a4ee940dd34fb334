import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { openEmbeddedStore } from "./embedded-store.ts";

const childSource = fileURLToPath(new URL("../testing/child-store.ts", import.meta.url));

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
): Promise<{ child: ChildProcess; lines: string[] }> {
  const child = spawn(process.execPath, [childSource, directory, blocks, String(first)], {
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
  return { child, lines: lines() };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

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
  it("loses no acknowledged block and has none twice, three times over", async () => {
    const directory = join(folder.path, "killed");
    let acknowledged = -1;
    for (let round = 0; round < 3; round++) {
      const goal = acknowledged + 8;
      // Each round begins with the block whose acknowledgement may not have been seen.
      const begin = Math.max(0, acknowledged);
      const { child } = await childUntil(directory, begin, (lines) => {
        const last = Number(lines.at(-1));
        if (Number.isInteger(last)) acknowledged = Math.max(acknowledged, last);
        return acknowledged >= goal;
      });
      await kill(child);
    }
    await using store = await openEmbeddedStore({ directory, blockDirectory: blocks });
    const rows = await store.query<{ block: number; n: number }>(
      "SELECT block, count() AS n FROM flows GROUP BY block ORDER BY block",
    );
    expect(rows.length).toBeGreaterThan(acknowledged);
    expect(rows.filter((row) => row.n !== 50)).toEqual([]);
    for (const table of ["edges_1m", "edges_1h", "edges_1d"])
      expect(await store.query(`SELECT sum(packets) AS n FROM ${table}`)).toEqual([
        { n: rows.length * 50 },
      ]);
  });

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
