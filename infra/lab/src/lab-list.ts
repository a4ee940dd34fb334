import type { LabFile } from "@weir/identity";
import { isWhole } from "./lab-up.ts";
import { defaultRunDirectory, readLabs } from "./run-directory.ts";

/** One line of `weir lab list`. */
export interface LabSummary {
  name: string;
  /** `broken`: interrupted, or a pod's process is gone; the next `up` or `down` sees to it. */
  state: "running" | "broken";
  nodes: number;
  pods: number;
  /** RFC 3339. */
  started: string;
  manifests: string[];
}

/** All labs of a run directory. */
export function labList(options: { runDirectory?: string } = {}): LabSummary[] {
  return readLabs(options.runDirectory ?? defaultRunDirectory()).map((lab: LabFile) => ({
    name: lab.lab,
    state: isWhole(lab) ? "running" : "broken",
    nodes: lab.nodes.length,
    pods: lab.pods.length,
    started: lab.started,
    manifests: lab.manifests,
  }));
}
