import type { Examiner, Fields } from "./examiner.ts";
import type { Labels } from "./selector.ts";

/** What stays the same when the pods of a workload are replaced. */
export interface TopOwner {
  workload: string;
  workloadKind: string;
}

/** A CronJob's Jobs end in minutes since 1970, of the years 2019 to 2046: no date reads like that. */
const scheduled = /^(.+)-(?:2[6-9]|3\d)\d{6}$/;

/**
 * The top owner of a pod, by the controller among its ownerReferences. A Deployment's ReplicaSet is named
 * after both and the hash that its pods carry, a CronJob's Job after its time: so the chain is followed
 * where the objects between are in no manifest. A static pod, whose owner is its node, is its own.
 */
export function readTopOwner(
  examiner: Examiner,
  references: unknown,
  pod: { name: string; labels: Labels },
): TopOwner {
  const path = ["metadata", "ownerReferences"];
  const owners = (examiner.list(references, path) ?? []).flatMap((one, index) => {
    const fields: Fields = examiner.fields(one, [...path, index]) ?? {};
    const kind = examiner.text(fields["kind"], [...path, index, "kind"]) ?? "";
    const name = examiner.text(fields["name"], [...path, index, "name"]) ?? "";
    const isOwner = fields["controller"] === true && kind !== "Node" && name !== "" && kind !== "";
    return isOwner ? [{ kind, name }] : [];
  });
  const [owner] = owners;
  if (owner === undefined) return { workload: pod.name, workloadKind: "Pod" };
  const { kind, name } = owner;
  const suffix = `-${pod.labels["pod-template-hash"] ?? ""}`;
  if (kind === "ReplicaSet" && suffix !== "-" && name.endsWith(suffix) && name !== suffix)
    return { workload: name.slice(0, -suffix.length), workloadKind: "Deployment" };
  const [, schedule] = kind === "Job" ? (scheduled.exec(name) ?? []) : [];
  if (schedule !== undefined) return { workload: schedule, workloadKind: "CronJob" };
  return { workload: name, workloadKind: kind };
}
