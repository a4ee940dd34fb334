import { statSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

export interface FolderWatchOptions<Value> {
  /** The folders to read, asked at every scan; ones that do not exist count as empty. */
  folders(): Promise<string[]> | string[];
  /** File names to read. */
  match(name: string): boolean;
  /** Throws for text that is not what it should be. */
  parse(text: string, path: string, mtimeMs: number): Value;
  /** After the first scan and whenever something changed. */
  onChange(files: FolderFiles<Value>): void;
  /** A file that cannot be read or parsed, once per version of the file. */
  onError(error: Error, path: string): void;
  /** Upper bound of how late a change is seen when no event came. Default 2 s. */
  rescanMs?: number;
  /** Files beyond it are not read, and reported once. Default 20,000. */
  maxFiles?: number;
  /** Larger files are refused. Default 16 MiB. */
  maxFileBytes?: number;
}

export interface FolderFiles<Value> {
  /** By path. A file that became unreadable keeps the value it had last. */
  values: ReadonlyMap<string, Value>;
  /** False while some file was never readable, or left out: absence proves nothing then. */
  complete: boolean;
}

export interface FolderWatch {
  /** Resolves after the first scan. */
  readonly ready: Promise<void>;
  /** Looks again now. */
  rescan(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keeps the parsed files of some folders: events of the file system make it prompt, a slow rescan
 * makes it sure. Files are read again only when their size, time or inode changed.
 */
export function watchFolders<Value>(options: FolderWatchOptions<Value>): FolderWatch {
  return new Folders(options);
}

interface Known<Value> {
  version: string;
  value: Value | undefined;
}

class Folders<Value> implements FolderWatch {
  readonly ready: Promise<void>;
  #options: FolderWatchOptions<Value>;
  #known = new Map<string, Known<Value>>();
  #watchers = new Map<string, { watcher: FSWatcher; inode: number }>();
  #timer: NodeJS.Timeout;
  #soon: NodeJS.Timeout | undefined;
  #scanning: Promise<void> | undefined;
  #again = false;
  #first = true;
  #closed = false;
  #saidTooMany = false;
  /** Files beyond maxFiles were left out at the latest scan. */
  #leftOut = false;

  constructor(options: FolderWatchOptions<Value>) {
    this.#options = options;
    this.ready = this.rescan();
    this.#timer = setInterval(() => void this.rescan(), options.rescanMs ?? 2000);
    this.#timer.unref();
  }

  async rescan(): Promise<void> {
    if (this.#scanning) {
      this.#again = true;
      return this.#scanning;
    }
    this.#scanning = this.#scanUntilQuiet();
    try {
      await this.#scanning;
    } finally {
      this.#scanning = undefined;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#scanning;
  }

  async #scanUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      await this.#scan();
    } while (this.#again && !this.#closed);
  }

  async #scan(): Promise<void> {
    const folders = await this.#options.folders();
    this.#follow(folders);
    const present = new Set<string>();
    this.#leftOut = false;
    let changed = this.#first;
    for (const folder of folders) {
      for (const name of await namesIn(folder)) {
        if (!this.#options.match(name)) continue;
        if (present.size >= (this.#options.maxFiles ?? 20_000)) {
          this.#tooMany(folder);
          continue;
        }
        const path = join(folder, name);
        const state = await this.#look(path);
        if (state === "gone") continue;
        present.add(path);
        if (state === "changed") changed = true;
      }
    }
    for (const path of this.#known.keys()) {
      if (present.has(path)) continue;
      this.#known.delete(path);
      changed = true;
    }
    this.#first = false;
    if (changed && !this.#closed) this.#options.onChange(this.#files());
  }

  async #look(path: string): Promise<"gone" | "same" | "changed"> {
    const known = this.#known.get(path);
    let version = "";
    try {
      const { size, mtimeMs, ino } = await stat(path);
      version = `${ino}/${size}/${mtimeMs}`;
      if (known?.version === version) return "same";
      if (size > (this.#options.maxFileBytes ?? 16 * 2 ** 20))
        throw new Error(`${size} bytes is too large`);
      const value = this.#options.parse(await readFile(path, "utf8"), path, mtimeMs);
      this.#known.set(path, { version, value });
      return "changed";
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
      this.#known.set(path, { version, value: known?.value });
      this.#options.onError(error as Error, path);
      return known === undefined ? "changed" : "same";
    }
  }

  #files(): FolderFiles<Value> {
    const values = new Map<string, Value>();
    for (const [path, { value }] of this.#known) if (value !== undefined) values.set(path, value);
    return { values, complete: !this.#leftOut && values.size === this.#known.size };
  }

  #follow(folders: string[]): void {
    for (const [folder, { watcher, inode }] of this.#watchers) {
      // A folder that was removed and made again is another one: its events need a new watcher.
      if (folders.includes(folder) && inodeOf(folder) === inode) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      const inode = inodeOf(folder);
      if (this.#watchers.has(folder) || this.#closed || inode === undefined) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#soonAgain());
        watcher.on("error", () => {
          watcher.close();
          this.#watchers.delete(folder);
        });
        this.#watchers.set(folder, { watcher, inode });
      } catch {
        // It just vanished, or inotify is exhausted: the rescan sees what happens in it.
      }
    }
  }

  /** Writers make several events per file; one look a moment later sees them all. */
  #soonAgain(): void {
    if (this.#soon || this.#closed) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      void this.rescan();
    }, 10);
  }

  #tooMany(folder: string): void {
    this.#leftOut = true;
    if (this.#saidTooMany) return;
    this.#saidTooMany = true;
    this.#options.onError(new Error("too many files; the rest is not read"), folder);
  }
}

function inodeOf(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.ino;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}
