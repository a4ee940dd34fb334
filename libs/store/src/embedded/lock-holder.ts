import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * The process that has an engine on this data directory, as the kernel knows it: the engine holds
 * a lock on its status file. The engine itself would only say that there is some process.
 */
export async function lockHolder(data: string): Promise<number | undefined> {
  const status = await stat(join(data, "status")).catch(() => undefined);
  if (status === undefined) return undefined;
  const locks = await readFile("/proc/locks", "utf8").catch(() => "");
  for (const line of locks.split("\n")) {
    // 4: FLOCK  ADVISORY  WRITE 1234 fe:00:5310805 0 EOF
    const match = /\bFLOCK +\S+ +WRITE +(\d+) +[\da-f]+:[\da-f]+:(\d+) /.exec(line);
    if (match !== null && Number(match[2]) === status.ino) return Number(match[1]);
  }
  return undefined;
}
