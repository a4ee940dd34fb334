import { existsSync, writeFileSync } from "node:fs";
import type { LabFile } from "@weir/identity";
import { podKey } from "@weir/policy";
import { allocateBlock, NODES_MAX } from "./addresses.ts";
import { behaviourOf } from "./behaviour.ts";
import { buildLab } from "./build-lab.ts";
import type { BuildContext } from "./build-lab.ts";
import { processesOf } from "./cgroup.ts";
import { checkNothingInTheWay, clearLab, netnsMark } from "./clear-lab.ts";
import { draftLab } from "./draft.ts";
import { growLab } from "./grow-lab.ts";
import { LabError } from "./lab-error.ts";
import { withLabLock } from "./lab-lock.ts";
import { checkLabName } from "./lab-name.ts";
import { readPlan } from "./plan.ts";
import type { LabPlan } from "./plan.ts";
import { checkRequirements } from "./requirements.ts";
import { defaultRunDirectory, readLab, readLabs, writeLab } from "./run-directory.ts";
import { unreadableAddresses } from "./upstreams.ts";
import { isNetnsDirectoryUntouched } from "./wire/netns.ts";

export interface LabUpOptions {
  name: string;
  /** Files, or folders of *.yaml, *.yml and *.json. */
  manifests: string[];
  /** 1 unless given, 32 at most. */
  nodes?: number;
  /** /run/weir or $WEIR_RUN unless given. */
  runDirectory?: string;
  /** Replaces every START_AFTER of the manifests: tests do not wait a minute. */
  startAfterMs?: number;
  /** Awaited when every pod listens and none calls yet: whoever wants to see the first packet attaches. */
  beforeCalls?: () => Promise<void>;
  /** Takes notes: what of the manifests is not honoured. */
  log?: (note: string) => void;
  /** Takes each step as it begins. */
  onProgress?: (step: string) => void;
}

export interface LabUpResult {
  lab: LabFile;
  /** False when the same lab was running already, with all its pods. */
  changed: boolean;
}

/**
 * Brings a lab up and returns when every pod listens on all its ports and calls have begun. The same
 * again changes nothing, or adds the pods that were taken out; what an interrupted `up` left is removed first; a failed one leaves nothing.
 * Throws a LabError that says what to do.
 */
export async function labUp(options: LabUpOptions): Promise<LabUpResult> {
  const { name, nodes = 1, runDirectory = defaultRunDirectory() } = options;
  const onProgress = options.onProgress ?? (() => {});
  checkLabName(name);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX) {
    throw new LabError("invalid", `${nodes} nodes: use 1 to ${NODES_MAX}`);
  }
  checkRequirements();
  const plan = readPlan(name, options.manifests, nodes);
  for (const note of [...plan.notes, ...notesOn(plan)]) options.log?.(note);
  return withLabLock(runDirectory, async () => {
    const existing = readLab(runDirectory, name);
    const { startAfterMs, beforeCalls } = options;
    const context = { runDirectory, onProgress, startAfterMs, beforeCalls };
    if (existing !== undefined && isWhole(existing)) {
      if (existing.fingerprint === plan.fingerprint) return complete(context, existing, plan);
      throw new LabError(
        "conflict",
        `lab ${name} is up with other manifests: weir lab down --name ${name}, or use another --name`,
      );
    }
    if (existing !== undefined) {
      onProgress(`removing what is left of an earlier ${name}`);
      await clearLab(runDirectory, existing);
    }
    checkNothingInTheWay(runDirectory, name);
    const lab = draftLab(
      name,
      plan,
      nodes,
      allocateBlock(readLabs(runDirectory).map((one) => one.block)),
    );
    if (isNetnsDirectoryUntouched()) writeFileSync(netnsMark(runDirectory), "");
    writeLab(runDirectory, lab);
    try {
      return { lab: await buildLab(context, lab, plan.pods), changed: true };
    } catch (error) {
      await clearLab(runDirectory, lab);
      throw error;
    }
  });
}

/** The same lab again: only pods that were taken out of it meanwhile are new. */
async function complete(context: BuildContext, lab: LabFile, plan: LabPlan): Promise<LabUpResult> {
  const known = new Set(lab.pods.map(podKey));
  const missing = plan.pods.filter((pod) => !known.has(podKey(pod)));
  if (missing.length === 0) return { lab, changed: false };
  return { lab: await growLab(context, lab, missing), changed: true };
}

/** Up to the end, and every pod still has a process. */
export function isWhole(lab: LabFile): boolean {
  const alive = (cgroup: string) => processesOf(cgroup).length > 0;
  return (
    lab.phase === "running" && lab.pods.every((pod) => existsSync(pod.netns) && alive(pod.cgroup))
  );
}

/** What the pods' environments and ports ask for and cannot have. Throws for what is plainly wrong. */
function notesOn(plan: LabPlan): string[] {
  return plan.pods.flatMap((pod) => {
    behaviourOf(pod);
    const key = `${pod.namespace}/${pod.name}`;
    const sctp = pod.ports.filter((port) => port.protocol === "SCTP").map((port) => port.port);
    return [
      ...unreadableAddresses(pod).map(
        (name) => `${key}: ${name} is no host:port and is not called`,
      ),
      ...(sctp.length > 0
        ? [`${key}: SCTP ${sctp.join(", ")} is not listened on: Node has no SCTP`]
        : []),
    ];
  });
}
