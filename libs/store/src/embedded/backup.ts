import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { StoreError } from "../error.ts";
import { identifier, stringLiteral } from "../sql-text.ts";
import { Engine } from "./engine.ts";
import { defaultEngineLimits } from "./engine-config.ts";

export interface BackupOptions {
  /** The store's data directory; no process may have it open. */
  directory: string;
  /** The folder of the backup. */
  folder: string;
  database?: string;
  onProgress?: (step: string) => void;
}

interface Contents {
  format: 1;
  files: Record<string, { bytes: number; sha256: string }>;
}

/** Written last: a backup without it was interrupted. */
const contentsFile = "weir-backup.json";

/** Copies every table into `folder`, which is new or empty. Throws StoreError. */
export async function backupEmbeddedStore(options: BackupOptions): Promise<void> {
  const { directory, onProgress } = options;
  const folder = resolve(options.folder);
  if (!existsSync(join(directory, "data")))
    throw new StoreError("backup", `${directory} is no data directory of a store`);
  await mustBeEmpty(folder, "back up into a new folder");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  onProgress?.(`copying the tables of ${directory}`);
  await inEngine(options, directory, folder, "BACKUP", "TO");
  const files = await fingerprints(folder, onProgress);
  const contents: Contents = { format: 1, files };
  const unfinished = join(folder, `${contentsFile}.new`);
  await writeFile(unfinished, JSON.stringify(contents), { mode: 0o600 });
  await rename(unfinished, join(folder, contentsFile));
}

/** Makes `directory`, which is new or empty, from a backup: all of it, or nothing. Throws StoreError. */
export async function restoreEmbeddedStore(options: BackupOptions): Promise<void> {
  const { onProgress } = options;
  const directory = resolve(options.directory);
  const folder = resolve(options.folder);
  await mustBeEmpty(directory, "restore into a new one, or move it away first");
  await check(folder, onProgress);
  const unfinished = `${directory}.restoring`;
  await rm(unfinished, { recursive: true, force: true });
  try {
    onProgress?.(`restoring the tables into ${directory}`);
    await inEngine(options, unfinished, folder, "RESTORE", "FROM");
    await rename(unfinished, directory);
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    throw cause;
  }
}

/** The engine may reach the backup's folder only while it is open for this. */
async function inEngine(
  options: BackupOptions,
  directory: string,
  folder: string,
  verb: "BACKUP" | "RESTORE",
  way: "TO" | "FROM",
): Promise<void> {
  const database = options.database ?? "weir";
  const engine = await Engine.open(directory, database, defaultEngineLimits, folder);
  try {
    const tables = stringLiteral(join(folder, "tables"));
    await engine.run({ sql: `${verb} DATABASE ${identifier(database)} ${way} File(${tables})` });
  } finally {
    await engine.close();
  }
}

async function mustBeEmpty(folder: string, advice: string): Promise<void> {
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new StoreError("backup", `${folder}: ${error.message}`, { cause: error });
  });
  if (there.length > 0) throw new StoreError("backup", `${folder} is not empty: ${advice}`);
}

async function fingerprints(
  folder: string,
  onProgress: BackupOptions["onProgress"],
): Promise<Contents["files"]> {
  const entries = await readdir(join(folder, "tables"), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile());
  onProgress?.(`reading the checksums of ${paths.length} files`);
  const files: Contents["files"] = {};
  for (const entry of paths) {
    const path = join(entry.parentPath, entry.name);
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    const { size } = await stat(path);
    files[relative(folder, path)] = { bytes: size, sha256: hash.digest("hex") };
  }
  return files;
}

/** Throws StoreError for a backup that is not as it was when it was finished. */
async function check(folder: string, onProgress: BackupOptions["onProgress"]): Promise<void> {
  const path = join(folder, contentsFile);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined)
    throw new StoreError(
      "backup",
      `${folder} has no ${contentsFile}: it is no backup of weir's, or one that was interrupted`,
    );
  const wanted = parse(text, path);
  const found = await fingerprints(folder, onProgress).catch((cause: unknown) => {
    throw new StoreError("backup", `the backup ${basename(folder)} cannot be read`, { cause });
  });
  for (const [name, file] of Object.entries(wanted.files)) {
    if (found[name]?.sha256 === file.sha256) continue;
    const what = found[name] === undefined ? "is missing" : "is not what was backed up";
    throw new StoreError("backup", `the backup in ${folder} is damaged: ${name} ${what}`);
  }
}

function parse(text: string, path: string): Contents {
  try {
    const contents = JSON.parse(text) as Contents;
    if (contents.format === 1 && typeof contents.files === "object") return contents;
  } catch {
    // Told below.
  }
  throw new StoreError("backup", `${path} is damaged, or of a newer weir`);
}
