import { readFileSync } from "node:fs";
import { processStart } from "@weir/identity";

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot at which it started (field 22 of /proc/PID/stat). */
  startTime: number;
  /** Ticks begin anew with every boot. */
  bootId: string;
}

export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, startTime: startTime(process.pid) ?? 0, bootId: bootId() };
}

/** Does exactly this process still run? A zombie does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === bootId() && startTime(identity.pid) === identity.startTime;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function startTime(pid: number): number | undefined {
  const start = processStart(pid);
  return start === undefined ? undefined : Number(start);
}
