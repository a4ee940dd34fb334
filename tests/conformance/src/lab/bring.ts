import type { LabFile } from "@weir/identity";
import { addPods, relabel, removePods } from "@weir/lab";
import type { RelabelOptions } from "@weir/lab";
import { podKey } from "@weir/policy";
import type { State } from "../state.ts";
import type { LabBed } from "./bed.ts";

/**
 * Brings a running lab to a case's state, changing what differs and nothing else; resolves when the
 * nodes hold what follows from it. Pods that stay are not restarted.
 */
export async function bring(bed: LabBed, state: State): Promise<void> {
  const before = await relabel(bed.at);
  const known = new Set(before.pods.map(podKey));
  for (const pod of before.pods) {
    if (!pod.system && !state.pods.has(podKey(pod)))
      await removePods({ ...bed.at, pod: podKey(pod) });
  }
  if ([...state.pods.keys()].some((key) => !known.has(key)))
    await addPods({ ...bed.at, manifests: [bed.manifest(state.manifests())] });
  const lab = await relabel({ ...bed.at, ...labelChanges(before, state) });
  await bed.wantPolicies([...state.policies.values()]);
  await bed.settled(lab);
}

function labelChanges(lab: LabFile, state: State): Pick<RelabelOptions, "pods" | "namespaces"> {
  const pods = [...state.pods].map(([key, { labels }]) => [key, { labels }] as const);
  const namespaces = [...state.namespaces].map(([name, labels]) => [name, labels] as const);
  const system = new Set(lab.pods.filter((pod) => pod.system).map((pod) => pod.namespace));
  const gone = lab.namespaces
    .filter(({ name }) => !state.namespaces.has(name) && !system.has(name))
    .map(({ name }) => [name, null] as const);
  return {
    pods: Object.fromEntries(pods),
    namespaces: Object.fromEntries([...namespaces, ...gone]),
  };
}
