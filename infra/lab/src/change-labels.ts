import type { LabFile, LabPod, LabPort } from "@weir/identity";
import { namespaceNameLabel, podKey } from "@weir/policy";
import { findLab } from "./find-pod.ts";
import { LabError } from "./lab-error.ts";
import { withLabLock } from "./lab-lock.ts";
import { defaultRunDirectory, writeLab } from "./run-directory.ts";

type Labels = Record<string, string>;

export interface RelabelOptions {
  /** Name of the lab; not needed while there is one only. */
  name?: string;
  runDirectory?: string;
  /** New labels, or declared ports, by `namespace/pod`. It goes on to listen where it did. */
  pods?: Record<string, { labels?: Labels; ports?: LabPort[] }>;
  /** New labels by name; one that is not there is made; null takes it away, which has no pods left. */
  namespaces?: Record<string, Labels | null>;
}

/**
 * Changes what the lab says of running pods and of namespaces, all of it in one step: no process
 * is touched. Whoever follows the lab's file sees all of it or nothing.
 */
export async function relabel(options: RelabelOptions): Promise<LabFile> {
  const { pods = {}, namespaces = {}, runDirectory = defaultRunDirectory() } = options;
  return withLabLock(runDirectory, () => {
    const lab = findLab(runDirectory, options.name);
    const unknown = Object.keys(pods).filter((key) => !lab.pods.some((pod) => podKey(pod) === key));
    if (unknown.length > 0) throw new LabError("not-found", `no pod ${unknown[0]} to relabel`);
    const changed = {
      ...lab,
      pods: lab.pods.map((pod): LabPod => ({ ...pod, ...pods[podKey(pod)] })),
      namespaces: relabelled(lab, namespaces),
    };
    writeLab(runDirectory, changed);
    return Promise.resolve(changed);
  });
}

function relabelled(lab: LabFile, changes: Record<string, Labels | null>): LabFile["namespaces"] {
  const all = new Map(lab.namespaces.map(({ name, labels }) => [name, labels]));
  for (const [name, labels] of Object.entries(changes)) {
    if (labels !== null) all.set(name, { ...labels, [namespaceNameLabel]: name });
    else if (lab.pods.some((pod) => pod.namespace === name))
      throw new LabError("conflict", `namespace ${name} has pods: remove them first`);
    else all.delete(name);
  }
  return [...all].map(([name, labels]) => ({ name, labels }));
}
