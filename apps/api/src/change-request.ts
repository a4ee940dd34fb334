import type { PolicyChange, Workload } from "@weir/codec";
import {
  type Diagnostic,
  type Policy,
  describeSelector,
  formatDiagnostic,
  placeIn,
  policyKey,
  readManifests,
  selects,
} from "@weir/policy";
import { refused } from "./problem.ts";

export interface PolicyFile {
  /** Named in problems. */
  file: string;
  text: string;
}

export interface ChangeRequest {
  files: PolicyFile[];
  shadow: boolean;
  allowEmptySelection: boolean;
  author: string;
  maxDocuments: number;
  /** Pods there are now. */
  pods: Workload[];
}

export interface ReadChanges {
  changes: PolicyChange[];
  /** What is accepted but does not do what it seems to. */
  warnings: string[];
}

/**
 * Reads the policies of a request, all of them or none. Throws a Problem with a line
 * `file:line:column: error: what` for each thing wrong.
 */
export function readChanges(request: ChangeRequest, nowMs = Date.now()): ReadChanges {
  const read = request.files.map(({ file, text }) => readManifests(text, file));
  const policies = read.flatMap((one) => one.policies);
  const found = read.flatMap((one) => one.diagnostics);
  const errors = found.filter((one) => one.severity === "error");
  errors.push(...duplicates(policies));
  if (!request.allowEmptySelection) {
    errors.push(...policies.flatMap((policy) => emptySelection(policy, request.pods)));
  }
  if (errors.length > 0) {
    throw refused(
      "nothing was changed; what was in force stays in force",
      errors.map((one) => formatDiagnostic(one)),
    );
  }
  if (policies.length === 0) {
    const told = found.map((one) => formatDiagnostic(one));
    throw refused("there is no NetworkPolicy in it; nothing was changed", told);
  }
  if (policies.length > request.maxDocuments) {
    throw refused(
      `${policies.length} policies at once are too many, the limit is ${request.maxDocuments}; apply them in parts`,
    );
  }
  const ignored = read.flatMap((one) => one.ignored);
  const others = read.flatMap((one) => [...one.pods, ...one.workloads, ...one.services]).length;
  return {
    changes: policies.map((policy) => ({
      namespace: policy.namespace,
      name: policy.name,
      text: policy.text,
      shadow: request.shadow,
      changed: nowMs * 1000,
      author: request.author,
    })),
    warnings: [
      ...found.filter((one) => one.severity === "warning").map((one) => formatDiagnostic(one)),
      ...ignored.map(({ kind, name }) => `${kind} ${name} is no NetworkPolicy and is left out`),
      ...(others > 0 ? [`${others} objects that are no NetworkPolicy are left out`] : []),
    ],
  };
}

function duplicates(policies: Policy[]): Diagnostic[] {
  const seen = new Set<string>();
  return policies.flatMap((policy) => {
    const key = policyKey(policy);
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      at(
        policy,
        ["metadata", "name"],
        `${key} is there twice: remove one, or give it another name`,
      ),
    ];
  });
}

/** A policy that selects nobody protects nobody, and looks as if it did. */
function emptySelection(policy: Policy, pods: Workload[]): Diagnostic[] {
  const here = pods.filter((pod) => pod.kind === "pod" && pod.namespace === policy.namespace);
  if (here.some((pod) => !pod.host_network && selects(policy.selector, pod.labels))) return [];
  const wanted = describeSelector(policy.selector);
  const why =
    here.length === 0
      ? `there is no pod in namespace ${policy.namespace}`
      : `no pod of namespace ${policy.namespace} has these labels (they have ${labelsOf(here)})`;
  return [
    at(
      policy,
      ["spec", "podSelector"],
      `spec.podSelector: ${wanted} selects nothing: ${why}; --allow-empty-selection applies it all the same`,
    ),
  ];
}

function labelsOf(pods: Workload[]): string {
  const labels = new Set(
    pods.flatMap((pod) => Object.entries(pod.labels).map(([key, value]) => `${key}=${value}`)),
  );
  const some = [...labels].sort().slice(0, 8);
  return `${some.join(", ")}${labels.size > some.length ? ", ..." : ""}` || "none";
}

function at(policy: Policy, path: string[], text: string): Diagnostic {
  return { ...placeIn(policy, path), severity: "error", text };
}
