import type { LabPod } from "@weir/identity";
import { findLab, findPods } from "./find-pod.ts";
import { growLab, shrinkLab } from "./grow-lab.ts";
import { withLabLock } from "./lab-lock.ts";
import { readPlan } from "./plan.ts";
import { defaultRunDirectory } from "./run-directory.ts";

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
    const isNewName = (one: { name: string }) =>
      lab.namespaces.every((other) => other.name !== one.name);
    const surroundings = {
      services: [...lab.services, ...plan.services.filter(isNew(lab.services))],
      namespaces: [...lab.namespaces, ...plan.namespaces.filter(isNewName)],
    };
    const known = new Set(lab.pods.map((pod) => pod.uid));
    const context = {
      runDirectory,
      onProgress: () => {},
      startAfterMs: undefined,
      beforeCalls: undefined,
    };
    const grown = await growLab(context, lab, planned, surroundings);
    return grown.pods.filter((pod) => !known.has(pod.uid));
  });
}

/** Takes a pod (`namespace/pod`), or all pods of a workload, out of a running lab. */
export async function removePods(options: LabChoice & { pod: string }): Promise<LabPod[]> {
  const runDirectory = options.runDirectory ?? defaultRunDirectory();
  return withLabLock(runDirectory, async () => {
    const lab = findLab(runDirectory, options.name);
    const pods = findPods(lab, options.pod);
    await shrinkLab(runDirectory, lab, pods);
    return pods;
  });
}
