import { rmSync } from "node:fs";
import type { LabFile, LabPod } from "@weir/identity";
import { extendLab } from "./build-lab.ts";
import { removeCgroup } from "./cgroup.ts";
import { findLab, findPods } from "./find-pod.ts";
import { withLabLock } from "./lab-lock.ts";
import { netnsName } from "./lab-name.ts";
import { readPlan } from "./plan.ts";
import { defaultRunDirectory, podPaths, writeLab } from "./run-directory.ts";
import { removeNetns } from "./wire/netns.ts";
import { unroutePod } from "./wire/wire-fabric.ts";
import { unwirePod } from "./wire/wire-pod.ts";
import { settleAll } from "./settle.ts";

interface LabChoice {
  /** Name of the lab; not needed while there is one only. */
  name?: string;
  runDirectory?: string;
}

/**
 * Adds the pods, services and namespaces of further manifests to a running lab; those it has already
 * stay as they are. Returns the new pods when they listen. If it fails, none of them is left.
 */
export async function addPods(options: LabChoice & { manifests: string[] }): Promise<LabPod[]> {
  const runDirectory = options.runDirectory ?? defaultRunDirectory();
  return withLabLock(runDirectory, async () => {
    const lab = findLab(runDirectory, options.name);
    const plan = readPlan(lab.lab, options.manifests, lab.nodes.length);
    const isNew =
      (list: { namespace: string; name: string }[]) => (one: { namespace: string; name: string }) =>
        !list.some((other) => other.namespace === one.namespace && other.name === one.name);
    const planned = plan.pods.filter((pod) => !pod.system).filter(isNew(lab.pods));
    const merged: LabFile = {
      ...lab,
      services: [...lab.services, ...plan.services.filter(isNew(lab.services))],
      namespaces: [
        ...lab.namespaces,
        ...plan.namespaces.filter((one) =>
          lab.namespaces.every((other) => other.name !== one.name),
        ),
      ],
    };
    const known = new Set(lab.pods.map((pod) => pod.uid));
    const context = { runDirectory, onProgress: () => {}, startAfterMs: undefined };
    try {
      const extended = await extendLab(context, merged, planned);
      return extended.pods.filter((pod) => !known.has(pod.uid));
    } catch (error) {
      const now = findLab(runDirectory, lab.lab);
      await removeAll(
        runDirectory,
        now,
        now.pods.filter((pod) => !known.has(pod.uid)),
      );
      throw error;
    }
  });
}

/** Takes a pod (`namespace/pod`), or all pods of a workload, out of a running lab. */
export async function removePods(options: LabChoice & { pod: string }): Promise<LabPod[]> {
  const runDirectory = options.runDirectory ?? defaultRunDirectory();
  return withLabLock(runDirectory, async () => {
    const lab = findLab(runDirectory, options.name);
    const pods = findPods(lab, options.pod);
    await removeAll(runDirectory, lab, pods);
    return pods;
  });
}

/** The state keeps them until nothing of them is left, so that `down` finds what this did not finish. */
async function removeAll(runDirectory: string, lab: LabFile, pods: LabPod[]): Promise<void> {
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
