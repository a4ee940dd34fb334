import type { LabFile, LabPod } from "@weir/identity";
import { LabError } from "./lab-error.ts";
import { readLab, readLabs } from "./run-directory.ts";

/** The lab of that name, or, without a name, the only one there is. */
export function findLab(runDirectory: string, name: string | undefined): LabFile {
  if (name !== undefined) {
    const lab = readLab(runDirectory, name);
    if (lab === undefined) throw new LabError("not-found", `no lab ${name}: weir lab list`);
    return lab;
  }
  const labs = readLabs(runDirectory);
  if (labs.length === 1 && labs[0] !== undefined) return labs[0];
  if (labs.length === 0) throw new LabError("not-found", "no lab is up: weir lab up MANIFEST...");
  throw new LabError(
    "invalid",
    `several labs are up (${labs.map((lab) => lab.lab).join(", ")}): use --name`,
  );
}

/** Pods by `namespace/name`, or by `namespace/workload`. Never empty. */
export function findPods(lab: LabFile, reference: string): LabPod[] {
  const [namespace, name, ...rest] = reference.split("/");
  if (namespace === undefined || name === undefined || rest.length > 0) {
    throw new LabError("invalid", `${JSON.stringify(reference)} is no pod: write NAMESPACE/POD`);
  }
  const near = lab.pods.filter((pod) => pod.namespace === namespace);
  const exact = near.filter((pod) => pod.name === name);
  const found = exact.length > 0 ? exact : near.filter((pod) => pod.workload === name);
  if (found.length > 0) return found;
  const known = near.length > 0 ? near : lab.pods;
  const names = known.slice(0, 10).map((pod) => `${pod.namespace}/${pod.name}`);
  throw new LabError(
    "not-found",
    `no pod ${reference} in lab ${lab.lab}; there are ${names.join(", ")}`,
  );
}
