import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { openEmbeddedStore } from "@weir/store";

const launcher = resolve(import.meta.dirname, "../../bin/weir");
let home: string;
const at = (name: string): string => join(home, name);

/** As `weir up --data` has it: the tables in a folder of the data directory. */
const data = (name: string): string => join(at(name), "store");
const rows = "SELECT kind, text FROM events ORDER BY kind";

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "weir-cli-store-"));
  await using store = await openEmbeddedStore({ directory: data("one") });
  await store.migrate();
  await store.command(
    "INSERT INTO events (time, kind, text) SELECT now64(6), toString(number), 'it happened' FROM numbers(50)",
  );
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function weir(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(launcher, ["store", ...args], (error, stdout, stderr) =>
      done({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

it("weir store backup and restore copy a data directory that nobody has open", async () => {
  {
    await using store = await openEmbeddedStore({ directory: data("one") });
    const held = await weir(["backup", at("copy"), "--data", at("one")]);
    expect(held).toMatchObject({ code: 1, stdout: "" });
    expect(held.stderr).toMatch(/in use by process \d+.*For a backup no process may have it/s);
    expect(readdirSync(at("copy"))).toEqual([]);
    expect(await store.query(rows)).toHaveLength(50);
  }
  const saved = await weir(["backup", at("copy"), "--data", at("one")]);
  expect(saved).toMatchObject({ code: 0, stdout: "" });
  const back = await weir(["restore", at("copy"), "--data", data("two")]);
  expect([back.code, back.stderr]).toEqual([0, expect.stringContaining("restored into")]);
  // A directory that has something is left as it is.
  const over = await weir(["restore", at("copy"), "--data", at("one")]);
  expect([over.code, over.stderr]).toEqual([1, expect.stringContaining("is not empty")]);
  const found: unknown[] = [];
  for (const name of ["one", "two"]) {
    await using store = await openEmbeddedStore({ directory: data(name) });
    found.push(await store.query(rows));
  }
  expect(found[1]).toEqual(found[0]);
  expect(found[0]).toHaveLength(50);
}, 60_000);
