import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a whole file beside `path`, then puts it in its place; all of it on disk or none. */
export async function replaceFile(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const next = `${path}.next`;
  const handle = await open(next, "w", 0o600);
  try {
    for (const part of parts) await handle.appendFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, path);
  await syncDirectory(dirname(path));
}

/** Puts the names in a directory on disk. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
