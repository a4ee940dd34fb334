import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "./lab-error.ts";
import { removeIfEmpty } from "./run-directory.ts";

/** Longest an operation waits for another one on the same run directory. */
const LOCK_WAIT_SECONDS = 120;
/** How often the directory may vanish between making and locking it. */
const LOCK_ATTEMPTS_MAX = 100;

/*
 * The kernel's own lock on the directory `labs`: it is held as long as somebody has the descriptor
 * open. That is this process and the commands it runs meanwhile, so that after a kill -9 the next
 * operation begins when the last of them has ended; and there is no file to leave behind.
 */
const held = new AsyncLocalStorage<number>();

/** Descriptor of the lock held here, for commands to inherit; undefined outside `withLabLock`. */
export function heldLock(): number | undefined {
  return held.getStore();
}

/** Runs `work` while no other process changes a lab of this run directory. */
export async function withLabLock<T>(runDirectory: string, work: () => Promise<T>): Promise<T> {
  const directory = join(runDirectory, "labs");
  for (let attempt = 0; attempt < LOCK_ATTEMPTS_MAX; attempt += 1) {
    const descriptor = openDirectory(directory);
    if (descriptor === undefined) continue;
    try {
      await lock(descriptor, directory);
      // Whoever removed the last lab removed the directory too: then this locks nothing.
      const now = statSync(directory, { throwIfNoEntry: false });
      if (now?.ino === fstatSync(descriptor).ino) return await hold(runDirectory, descriptor, work);
    } finally {
      closeSync(descriptor);
    }
  }
  throw new LabError("conflict", `${directory} comes and goes: try again`);
}

/** Undefined when somebody removed it, being empty, between making and opening. */
function openDirectory(directory: string): number | undefined {
  try {
    mkdirSync(directory, { recursive: true });
    return openSync(directory, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function hold<T>(
  runDirectory: string,
  descriptor: number,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await held.run(descriptor, work);
  } finally {
    // Where nothing was made, nothing is left.
    removeIfEmpty(join(runDirectory, "labs"));
    removeIfEmpty(runDirectory);
  }
}

/** flock(1) locks the open file that it shares with this process, which keeps it when flock ends. */
async function lock(descriptor: number, directory: string): Promise<void> {
  const child = spawn("flock", ["--wait", String(LOCK_WAIT_SECONDS), "3"], {
    stdio: ["ignore", "ignore", "ignore", descriptor],
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0)
    throw new LabError("conflict", `another lab operation holds ${directory}: try again`);
}
