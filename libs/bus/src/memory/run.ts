import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BusError } from "../error.ts";
import { replaceFile } from "./durable.ts";

/** Counts the starts with one directory: 1, 2, 3 ... On disk before it resolves. */
export async function nextRun(path: string): Promise<bigint> {
  const run = (await lastRun(path)) + 1n;
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, [Buffer.from(`${run}\n`)]);
  return run;
}

async function lastRun(path: string): Promise<bigint> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0n;
    throw error;
  }
  if (!/^[0-9]{1,6}\n$/.test(text)) {
    throw new BusError("corrupt", `${path} holds no number; write the count of starts into it`);
  }
  return BigInt(text);
}
