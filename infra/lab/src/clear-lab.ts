import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LabFile } from "@weir/identity";
import { labCgroup, removeCgroup } from "./cgroup.ts";
import { LabError } from "./lab-error.ts";
import { isNetnsOf, netnsName, NETNS_DIRECTORY } from "./lab-name.ts";
import { readLabs, removeCollectorFiles, removeLabFiles, writeLab } from "./run-directory.ts";
import { listNetns, netnsNameOf, removeNetns, removeNetnsDirectory } from "./wire/netns.ts";

/** Says that it was this run directory's first lab that made /run/netns, so that the last clears it. */
const NETNS_MARK = ".netns-directory-is-ours";

/** Removes all that a lab's file says it has, whatever of it is there. Goes on where another stopped. */
export async function clearLab(runDirectory: string, lab: LabFile): Promise<void> {
  writeLab(runDirectory, { ...lab, phase: "stopping" });
  await removeCgroup(labCgroup(lab.lab));
  removeCollectorFiles(runDirectory, lab);
  await removeNetns(netnsNames(lab));
  const mark = join(runDirectory, "labs", NETNS_MARK);
  const isLast = readLabs(runDirectory).length === 1;
  if (isLast && existsSync(mark)) {
    await removeNetnsDirectory();
    rmSync(mark, { force: true });
  }
  removeLabFiles(runDirectory, lab.lab);
}

/** Path of the mark to write before the first namespace of a run directory is made. */
export const netnsMark = (runDirectory: string): string => join(runDirectory, "labs", NETNS_MARK);

/** Throws if the name is taken by something that no lab of this run directory made. */
export function checkNothingInTheWay(runDirectory: string, lab: string): void {
  const netns = listNetns().filter((name) => isNetnsOf(lab, name));
  const paths = netns.map((name) => join(NETNS_DIRECTORY, name));
  if (existsSync(labCgroup(lab))) paths.push(labCgroup(lab));
  if (paths.length === 0) return;
  throw new LabError(
    "conflict",
    `${paths[0]} is there, and ${runDirectory} knows no lab ${lab}: use another name, or take down ` +
      `the lab it belongs to with WEIR_RUN set to its run directory`,
  );
}

/** Names from the state, and only such as this lab gives: nobody else's goes, whatever the file says. */
function netnsNames(lab: LabFile): string[] {
  const shared = [netnsName.fabric(lab.lab), netnsName.internet(lab.lab)];
  const own = [...lab.nodes, ...lab.pods].map((one) => netnsNameOf(one.netns));
  return [...new Set([...own, ...shared])].filter((name) => isNetnsOf(lab.lab, name));
}
