import { readFileSync, readlinkSync } from "node:fs";

/** What /proc tells of a process, beside what the kernel's programs have seen of it. */
export interface ExecutableFacts {
  executable: string;
  /** Id of the container that its cgroup names; empty: none. */
  container: string;
}

/** Paths have up to 4,096 bytes; a row wants to know which program it was. */
const maxPathChars = 256;
const deleted = " (deleted)";

/**
 * The program of the process that has this id and began at this tick; undefined where there is none
 * any more, or its id is another's by now. Takes some 50 us.
 */
export function readExecutable(
  pid: number,
  startTicks: number,
  proc = "/proc",
): ExecutableFacts | undefined {
  const folder = `${proc}/${pid}`;
  try {
    if (startTicksOf(folder) !== startTicks) return undefined;
    const facts = {
      executable: executableOf(folder),
      container: containerOf(readFileSync(`${folder}/cgroup`, "utf8")),
    };
    // Another process may have got the id while we read.
    return startTicksOf(folder) === startTicks ? facts : undefined;
  } catch {
    return undefined;
  }
}

/** CAP_SYS_PTRACE: without it /proc shows nobody else's program. */
const ptraceCapability = 19n;

/** Whether the programs of other users' processes may be seen. */
export function seesExecutables(proc = "/proc"): boolean {
  const status = readFileSync(`${proc}/self/status`, "latin1");
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> ptraceCapability) & 1n) === 1n;
}

/** Field 22 of /proc/PID/stat, behind a name that may hold anything. */
function startTicksOf(folder: string): number {
  const stat = readFileSync(`${folder}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

/** Kernel threads have none, and those of others may not be seen. */
function executableOf(folder: string): string {
  let path: string;
  try {
    path = readlinkSync(`${folder}/exe`);
  } catch {
    return "";
  }
  if (path.endsWith(deleted)) path = path.slice(0, -deleted.length);
  return path.slice(0, maxPathChars);
}

/** Docker, containerd and CRI-O name a container's cgroup by its id of 64 hexadecimal digits. */
export function containerOf(cgroups: string): string {
  return /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:$|\/)/m.exec(cgroups)?.[1] ?? "";
}
