import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { CollectorFile, CollectorsFile } from "./endpoint.ts";
import { processStart } from "./process-start.ts";

/** No node can be called that. */
const allNodes = "_all";

export function collectorPath(runDirectory: string, node: string): string {
  return join(runDirectory, "collectors", `${node}.json`);
}

/** Says, as long as it is not withdrawn and this process lives, what a node's collector watches. */
export class CollectorSign {
  readonly #path: string;
  #written = "";

  constructor(runDirectory: string, node: string) {
    this.#path = collectorPath(runDirectory, node);
  }

  /** Writes only what is new. */
  attached(uids: string[]): void {
    this.#write({ ...thisProcess(), attached: uids });
  }

  withdraw(): void {
    removeSign(this.#path);
    this.#written = "";
  }

  #write(file: CollectorFile): void {
    const text = `${JSON.stringify(file)}\n`;
    if (text === this.#written) return;
    writeSign(this.#path, text);
    this.#written = text;
  }
}

/** Says that this process sees to a collector for each node that appears, but for those that failed. */
export function announceCollectors(runDirectory: string, failed: string[]): void {
  const file: CollectorsFile = { ...thisProcess(), failed };
  writeSign(collectorPath(runDirectory, allNodes), `${JSON.stringify(file)}\n`);
}

export function withdrawCollectors(runDirectory: string): void {
  removeSign(collectorPath(runDirectory, allNodes));
}

/**
 * Uids that the node's collector watches; none where one is about to begin; undefined where no
 * process is there that would.
 */
export function watchedBy(runDirectory: string, node: string): ReadonlySet<string> | undefined {
  const own = readSign(collectorPath(runDirectory, node));
  if (own !== undefined) return new Set(own.attached);
  const all = readSign(collectorPath(runDirectory, allNodes));
  return all === undefined || all.failed?.includes(node) ? undefined : new Set();
}

/** Takes away the signs of processes that were killed. */
export function removeVoidSigns(runDirectory: string): void {
  const directory = join(runDirectory, "collectors");
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const path = join(directory, name);
    if (readSign(path) === undefined) rmSync(path, { force: true });
  }
}

/** Undefined where there is none, or the one who wrote it is gone. */
function readSign(path: string): Partial<CollectorFile & CollectorsFile> | undefined {
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as Partial<CollectorFile & CollectorsFile>;
    const { pid, started } = file;
    if (pid === undefined || started === undefined) return undefined;
    return processStart(pid) === started ? file : undefined;
  } catch {
    return undefined;
  }
}

function writeSign(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const next = `${path}.${process.pid}`;
  writeFileSync(next, text);
  renameSync(next, path);
}

function removeSign(path: string): void {
  rmSync(path, { force: true });
  try {
    rmdirSync(dirname(path));
    rmdirSync(dirname(dirname(path)));
  } catch {
    // Others have files in it.
  }
}

function thisProcess(): { pid: number; started: string } {
  return { pid: process.pid, started: processStart("self") ?? "" };
}
