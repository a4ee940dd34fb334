import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { watchFolders } from "./folder-watch.ts";
import type { FolderFiles, FolderWatch, FolderWatchOptions } from "./folder-watch.ts";

let folder: string;
let watch: FolderWatch | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-folder-"));
});
afterEach(async () => {
  await watch?.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(more: Partial<FolderWatchOptions<string>> = {}): {
  parsed: string[];
  errors: string[];
  newest: () => FolderFiles<string> | undefined;
} {
  const parsed: string[] = [];
  const errors: string[] = [];
  let newest: FolderFiles<string> | undefined;
  watch = watchFolders<string>({
    folders: () => [folder],
    match: (name) => name.endsWith(".txt"),
    parse(text, path) {
      parsed.push(path);
      return text;
    },
    onChange: (files) => (newest = files),
    onError: (error, path) => void errors.push(`${path.replace(folder, "")} ${error.message}`),
    ...more,
  });
  return { parsed, errors, newest: () => newest };
}

async function until(wanted: () => boolean): Promise<void> {
  while (!wanted()) await new Promise((resolve) => setTimeout(resolve, 3));
}

describe("the files of a folder", () => {
  it("are read again only when they change, and seen without waiting for the rescan", async () => {
    writeFileSync(join(folder, "a.txt"), "1");
    writeFileSync(join(folder, "b.txt"), "1");
    writeFileSync(join(folder, "c.log"), "1");
    const { parsed, newest } = open({ rescanMs: 600_000 });
    await watch?.ready;
    writeFileSync(join(folder, "a.txt"), "22");
    await until(() => newest()?.values.get(join(folder, "a.txt")) === "22");
    await watch?.rescan();
    expect(parsed.filter((path) => path.endsWith("b.txt"))).toHaveLength(1);
    expect(parsed.some((path) => path.endsWith("c.log"))).toBe(false);
  });

  it("are bounded in number and size, and that is said once", async () => {
    for (let at = 0; at < 6; at++) writeFileSync(join(folder, `${at}.txt`), "x");
    const { errors, newest } = open({ maxFiles: 4, maxFileBytes: 50 });
    await watch?.ready;
    expect([newest()?.values.size, newest()?.complete]).toEqual([4, false]);
    writeFileSync(join(folder, "new.txt"), "x".repeat(100));
    for (const at of [3, 4, 5]) rmSync(join(folder, `${at}.txt`));
    await watch?.rescan();
    expect([...(newest()?.values.keys() ?? [])].map((path) => path.slice(-5))).toEqual([
      "0.txt",
      "1.txt",
      "2.txt",
    ]);
    expect(errors).toEqual([
      " too many files; the rest is not read",
      "/new.txt 100 bytes is too large",
    ]);
    expect(newest()?.complete).toBe(false);
  });

  it("say nothing any more after the watch was closed", async () => {
    const { parsed } = open({ rescanMs: 5 });
    await watch?.ready;
    await watch?.close();
    writeFileSync(join(folder, "a.txt"), "1");
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(parsed).toEqual([]);
  });
});
