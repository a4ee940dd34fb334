import { readFileSync } from "node:fs";

/**
 * When a process began, in ticks since the machine did: with its number it tells it apart from a later
 * one of the same number. Undefined where there is none, or only what is left of it until its parent
 * looks.
 */
export function processStart(pid: number | "self"): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Fields are counted from behind the name, which may have anything in it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
