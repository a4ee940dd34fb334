import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "./lab-error.ts";

/** Longest an operation waits for another one on the same run directory. */
const LOCK_WAIT_SECONDS = 120;
/** How often the directory may vanish between making and locking it. */
const LOCK_ATTEMPTS_MAX = 20;

/*
 * The kernel's own lock on the directory `labs`, held by a child that lives on our pipe: it is
 * released whatever becomes of us, kill -9 included, and leaves no file behind.
 */
const HOLDER = `exec 9<"$1"; flock --wait ${LOCK_WAIT_SECONDS} 9 || exit 75; stat -Lc %i /dev/fd/9; exec cat`;

/** Runs `work` while no other process changes a lab of this run directory. */
export async function withLabLock<T>(runDirectory: string, work: () => Promise<T>): Promise<T> {
  const directory = join(runDirectory, "labs");
  for (let attempt = 0; attempt < LOCK_ATTEMPTS_MAX; attempt += 1) {
    mkdirSync(directory, { recursive: true });
    const holder = spawn("sh", ["-c", HOLDER, "lock", directory], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const ended = once(holder, "close");
    try {
      const inode = await firstLine(holder.stdout);
      // Whoever removed the last lab removed the directory too: then this locks nothing.
      if (inode !== undefined && inode === inodeOf(directory)) return await work();
    } finally {
      holder.stdin.destroy();
      await ended;
    }
    if (holder.exitCode === 75) break;
  }
  throw new LabError(
    "conflict",
    `another lab operation holds ${directory}: try again when it is done`,
  );
}

function inodeOf(path: string): string | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino.toString();
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string | undefined> {
  let text = "";
  for await (const chunk of stream) {
    text += String(chunk);
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return undefined;
}
