import type { LabFile, LabPort } from "@weir/identity";
import { isWhole } from "./lab-up.ts";
import { defaultRunDirectory, readLabs } from "./run-directory.ts";

/** One line of `weir lab list`. */
export interface LabSummary {
  name: string;
  /** `broken`: interrupted, or a pod's process is gone; the next `up` or `down` sees to it. */
  state: "running" | "broken";
  nodes: { name: string; addresses: string[] }[];
  /** Of the manifests; what the lab adds by itself is not among them. */
  pods: {
    namespace: string;
    name: string;
    workload: string;
    node: string;
    addresses: string[];
    ports: LabPort[];
  }[];
  /** RFC 3339. */
  started: string;
  manifests: string[];
}

/** All labs of a run directory. */
export function labList(options: { runDirectory?: string } = {}): LabSummary[] {
  return readLabs(options.runDirectory ?? defaultRunDirectory()).map((lab: LabFile) => ({
    name: lab.lab,
    state: isWhole(lab) ? "running" : "broken",
    nodes: lab.nodes.map(({ name, addresses }) => ({ name, addresses })),
    pods: lab.pods
      .filter((pod) => !pod.system)
      .map(({ namespace, name, workload, node, addresses, ports }) => ({
        namespace,
        name,
        workload,
        node,
        addresses,
        ports,
      })),
    started: lab.started,
    manifests: lab.manifests,
  }));
}
