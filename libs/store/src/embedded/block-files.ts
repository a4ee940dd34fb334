import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const prefix = "weir-store-";

/**
 * Temporary files through which blocks reach the engine, in memory where the system has /dev/shm.
 * The folder's name tells whose it is, so that the next process finds what a killed one left.
 */
export class BlockFiles {
  readonly directory: string;
  #count = 0;

  constructor(parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir()) {
    removeLeftovers(parent);
    const me = `${prefix}${process.pid}-${processStart(process.pid) ?? 0}-`;
    this.directory = mkdtempSync(join(parent, me));
  }

  /** Calls `use` with the path of a file that holds `bytes`; it is gone afterwards. */
  async with<Result>(bytes: Uint8Array, use: (path: string) => Promise<Result>): Promise<Result> {
    const path = join(this.directory, `${this.#count++}.block`);
    try {
      await writeFile(path, bytes, { mode: 0o600 });
      return await use(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Removes folders of processes that no longer are. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const match = /^weir-store-(\d+)-(\d+)-\w+$/.exec(name);
    if (match === null) continue;
    if (processStart(Number(match[1])) === Number(match[2])) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/** Clock ticks after boot at which a process started, which tells it from a later one of its number. */
function processStart(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program stands in parentheses and may hold anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return undefined;
  }
}
