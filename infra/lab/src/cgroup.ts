import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "./lab-error.ts";

/** How often the processes of a cgroup are killed again until none is left, and the pause between. */
const KILL_ROUNDS = 200;
const KILL_PAUSE_MS = 10;

/** Mount point of the cgroup v2 hierarchy: its own, or beside v1 on a hybrid system. */
export function cgroupRoot(mounts = readFileSync("/proc/self/mounts", "utf8")): string {
  const line = mounts.split("\n").find((one) => one.split(" ")[2] === "cgroup2");
  const root = line?.split(" ")[1];
  if (root === undefined) {
    throw new LabError(
      "unsupported",
      "no cgroup v2 here: mount -t cgroup2 none /sys/fs/cgroup/unified",
    );
  }
  return root;
}

/** The cgroup of a whole lab; its nodes and pods are below it. */
export function labCgroup(lab: string): string {
  return join(cgroupRoot(), "weir", lab);
}

export interface Cgroup {
  path: string;
  /** inode of the directory, which is what bpf_get_current_cgroup_id returns. */
  id: string;
}

export function makeCgroup(path: string): Cgroup {
  mkdirSync(path, { recursive: true });
  return { path, id: statSync(path, { bigint: true }).ino.toString() };
}

/** Processes in a cgroup, not counting those in cgroups below it. */
export function processesOf(path: string): number[] {
  try {
    const text = readFileSync(join(path, "cgroup.procs"), "utf8");
    return text.split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** A cgroup and all below it, children first. */
export function cgroupTree(path: string): string[] {
  if (!existsSync(path)) return [];
  const children = readdirSync(path, { withFileTypes: true }).filter((one) => one.isDirectory());
  return [...children.flatMap((one) => cgroupTree(join(path, one.name))), path];
}

/** Ends every process of a cgroup and below, then removes the cgroups. Only what is in them is touched. */
export async function removeCgroup(path: string): Promise<void> {
  for (let round = 0; ; round += 1) {
    const tree = cgroupTree(path);
    const alive = tree.flatMap(processesOf);
    for (const pid of alive) kill(pid);
    if (alive.length === 0 && removeAll(tree)) break;
    if (round === KILL_ROUNDS) {
      throw new LabError(
        "failed",
        `processes ${alive.join(", ")} in ${path} do not end; see ps -o stat`,
      );
    }
    await sleep(KILL_PAUSE_MS);
  }
  removeAll([dirname(path)]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** False while one of them is still busy: the kernel lets go of a dead process a moment later. */
function removeAll(paths: string[]): boolean {
  try {
    for (const path of paths) if (existsSync(path)) rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}
