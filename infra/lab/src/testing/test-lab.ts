import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { LabError } from "../lab-error.ts";
import { cgroupRoot, cgroupTree } from "../cgroup.ts";
import { listNetns } from "../wire/netns.ts";
import { checkRequirements } from "../requirements.ts";

/** A name and a run directory that only this test process uses. */
export function testLab(kind: string): { name: string; runDirectory: string } {
  return { name: `t${process.pid}-${kind}`, runDirectory: `/run/weir-t${process.pid}-${kind}` };
}

/** Why this machine or user can have no lab, for the name of what is skipped; empty: it can. */
export function whyNoLab(): string {
  try {
    checkRequirements();
    return "";
  } catch (error) {
    if (error instanceof LabError) return ` (skipped: ${error.message})`;
    throw error;
  }
}

/** What of a lab is on this machine: all of it must be gone after `down`. */
export function tracesOf(lab: { name: string; runDirectory: string }): string[] {
  const { name, runDirectory } = lab;
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const links = spawnSync("ip", ["-o", "link"], { encoding: "utf8" }).stdout.split("\n");
  return [
    ...listNetns().filter((one) => one.startsWith(`weir-${name}`)),
    ...cgroupTree(`${cgroupRoot()}/weir/${name}`),
    ...mounts.filter((one) => one.includes(name) || one.includes(runDirectory)),
    ...links.filter((one) => /weir[0-9a-f]{10}|node-1|internet/.test(one)),
    ...processes().filter((one) => one.includes(runDirectory)),
    ...(existsSync(runDirectory) ? [runDirectory] : []),
    ...(existsSync(`/etc/netns/${name}`) ? [`/etc/netns/${name}`] : []),
  ];
}

function processes(): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .map((pid) => {
      try {
        return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`;
      } catch {
        return "";
      }
    });
}
