import { rmSync } from "node:fs";
import type { LabFile, LabPod } from "@weir/identity";
import { extendLab } from "./build-lab.ts";
import type { BuildContext } from "./build-lab.ts";
import { removeCgroup } from "./cgroup.ts";
import { findLab } from "./find-pod.ts";
import { netnsName } from "./lab-name.ts";
import type { PlannedPod } from "./plan.ts";
import { podPaths, writeLab } from "./run-directory.ts";
import { settleAll } from "./settle.ts";
import { removeNetns } from "./wire/netns.ts";
import { unroutePod } from "./wire/wire-fabric.ts";
import { unwirePod } from "./wire/wire-pod.ts";

/** What a lab gets besides its pods. */
type Surroundings = Pick<LabFile, "services" | "namespaces">;

/** Adds pods to a running lab, and what belongs to them; if it fails, the lab is what it was. */
export async function growLab(
  context: BuildContext,
  lab: LabFile,
  planned: PlannedPod[],
  surroundings: Surroundings = lab,
): Promise<LabFile> {
  const { services, namespaces } = surroundings;
  const known = new Set(lab.pods.map((pod) => pod.uid));
  try {
    return await extendLab(context, { ...lab, services, namespaces }, planned);
  } catch (error) {
    const now = findLab(context.runDirectory, lab.lab);
    const added = now.pods.filter((pod) => !known.has(pod.uid));
    const { services: before, namespaces: names } = lab;
    await shrinkLab(context.runDirectory, { ...now, services: before, namespaces: names }, added);
    throw error;
  }
}

/** The state keeps them until nothing of them is left, so that `down` finds what this did not finish. */
export async function shrinkLab(runDirectory: string, lab: LabFile, pods: LabPod[]): Promise<void> {
  const own = pods.filter((pod) => !pod.hostNetwork);
  await settleAll(pods.map((pod) => removeCgroup(pod.cgroup)));
  for (const pod of pods) unwirePod(runDirectory, pod.node, pod.namespace, pod.name);
  await removeNetns(own.map((pod) => netnsName.pod(lab.lab, pod.namespace, pod.name)));
  await unroutePod(
    lab.lab,
    own.flatMap((pod) => pod.addresses),
  );
  for (const pod of pods) {
    for (const path of podPaths(runDirectory, lab.lab, pod.cgroupId).all)
      rmSync(path, { force: true });
  }
  const gone = new Set(pods.map((pod) => pod.uid));
  writeLab(runDirectory, { ...lab, pods: lab.pods.filter((pod) => !gone.has(pod.uid)) });
}
