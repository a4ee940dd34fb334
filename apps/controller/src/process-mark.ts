import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { ControllerClaim } from "@weir/codec";

/** This process, told apart from a later one with the same number, and from one of another container. */
export function processMark(): string {
  return [bootId(), numberSpace(), process.pid, startOf("self") ?? 0].join(" ");
}

/** The process has ended, as far as that can be told from here. */
export function isSurelyGone({ host, process: mark }: ControllerClaim): boolean {
  const [boot = "", space = "", pid = "", start = ""] = mark.split(" ");
  if (boot !== bootId()) return host === hostname();
  return space === numberSpace() && startOf(pid) !== start;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Process numbers mean something within it only. */
function numberSpace(): string {
  return readlinkSync("/proc/self/ns/pid").replaceAll(/\D/g, "");
}

/** Ticks since boot; undefined where there is no such process. */
function startOf(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Fields are counted from behind the name, which may have anything in it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
