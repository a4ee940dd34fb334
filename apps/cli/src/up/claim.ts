import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync, linkSync } from "node:fs";
import { dirname } from "node:path";
import { CommandError } from "../exit.ts";
import { type ProcessIdentity, isAlive, thisProcess } from "./process-identity.ts";

/** What a weir has claimed: a file that says who holds it, and what that one is doing. */
export interface Claim<Notes extends object> {
  /** What an earlier holder that died left written; undefined when it let go in order. */
  readonly inherited: Notes | undefined;
  /** Replaces the notes, whole or not at all. */
  write(notes: Notes): void;
  update(change: (held: Notes) => Notes): void;
  release(): void;
}

/**
 * Claims the file for this process. Throws CommandError, naming the process, while another one
 * that lives holds it. `whatToDo` ends the message.
 */
export function claim<Notes extends object>(
  path: string,
  initial: Notes,
  whatToDo: string,
): Claim<Notes> {
  const me = thisProcess();
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const text = (notes: Notes): string => `${JSON.stringify({ ...me, notes })}\n`;
  const mine = `${path}.${me.pid}`;
  let inherited: Notes | undefined;
  writeFileSync(mine, text(initial), { mode: 0o600 });
  try {
    // A link is made for one of two that try at once.
    for (let attempt = 0; ; attempt++) {
      try {
        linkSync(mine, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 10) throw error;
      }
      const holder = readHolder(path);
      if (holder !== undefined && isAlive(holder)) {
        throw new CommandError(`weir up runs already, as process ${holder.pid}${whatToDo}`);
      }
      inherited = (holder?.notes as Notes | undefined) ?? inherited;
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
  let held = initial;
  const write = (notes: Notes): void => {
    held = notes;
    writeFileSync(mine, text(notes), { mode: 0o600 });
    renameSync(mine, path);
  };
  return {
    inherited,
    write,
    update: (change) => write(change(held)),
    release: () => rmSync(path, { force: true }),
  };
}

function readHolder(path: string): (ProcessIdentity & { notes: object }) | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessIdentity & { notes: object };
  } catch {
    return undefined;
  }
}
