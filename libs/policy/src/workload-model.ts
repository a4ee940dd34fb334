import type { Cluster, ClusterPod } from "./cluster.ts";
import type { Labels } from "./selector.ts";

/** All pods of one top owner. */
export interface WorkloadPods {
  namespace: string;
  workload: string;
  workloadKind: string;
  pods: ClusterPod[];
}

/** `namespace/workload`, as rows of flows name it. */
export function workloadKeyOf(one: { namespace: string; workload: string }): string {
  return `${one.namespace}/${one.workload}`;
}

/** Workloads by `namespace/workload`. Host-network pods are left out: no policy reaches them. */
export function workloadsOf(cluster: Cluster): Map<string, WorkloadPods> {
  const found = new Map<string, WorkloadPods>();
  for (const pod of cluster.pods) {
    if (pod.hostNetwork) continue;
    const { namespace, workload, workloadKind } = pod;
    const known = found.get(workloadKeyOf(pod));
    if (known === undefined)
      found.set(workloadKeyOf(pod), { namespace, workload, workloadKind, pods: [pod] });
    else known.pods.push(pod);
  }
  return found;
}

/** Labels that another rollout, replica or run of the same workload would not carry. */
const unstable = [
  /^pod-template-(hash|generation)$/,
  /^controller-(revision-hash|uid)$/,
  /^job-name$/,
  /^batch\.kubernetes\.io\//,
  /^statefulset\.kubernetes\.io\/pod-name$/,
  /^apps\.kubernetes\.io\/pod-index$/,
  /^(app\.kubernetes\.io\/)?version$/,
  /^(helm\.sh\/)?chart$/,
  /(^|[-./])(hash|checksum|revision|uid|timestamp)$/,
];

/** Labels in the order in which people mean them to say what something is. */
const preferred = [
  /^app\.kubernetes\.io\/name$/,
  /^app$/,
  /^k8s-app$/,
  /^app\.kubernetes\.io\/(instance|component)$/,
  /^(name|component|service)$/,
];

function rank(key: string): number {
  const found = preferred.findIndex((pattern) => pattern.test(key));
  return found < 0 ? preferred.length : found;
}

/** Labels that all pods carry with the same value and will carry tomorrow; best ones first. */
export function stableLabels(pods: readonly ClusterPod[]): [string, string][] {
  const [first, ...others] = pods;
  if (first === undefined) return [];
  return Object.entries(first.labels)
    .filter(([key, value]) =>
      others.every((pod) => Object.hasOwn(pod.labels, key) && pod.labels[key] === value),
    )
    .filter(([key]) => !unstable.some((pattern) => pattern.test(key)))
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

export interface WorkloadSelector {
  labels: Labels;
  /** `namespace/workload` of others that the labels select too, because nothing tells them apart. */
  alsoSelects: string[];
}

function* subsets<T>(items: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let index = from; index <= items.length - size; index += 1) {
    for (const rest of subsets(items, size - 1, index + 1)) yield [items[index] as T, ...rest];
  }
}

/** Sizes of selectors tried before all labels are taken together. */
const maxChosenLabels = 3;
const maxTriedLabels = 12;

/**
 * The fewest stable labels that select the workload's pods and no others of its namespace. Undefined
 * where it has no stable label at all: an empty selector would mean the whole namespace.
 */
export function selectorOfWorkload(
  workload: WorkloadPods,
  namespacePods: readonly ClusterPod[],
): WorkloadSelector | undefined {
  const labels = stableLabels(workload.pods);
  if (labels.length === 0) return undefined;
  const strangers = namespacePods.filter((pod) => !pod.hostNetwork && !workload.pods.includes(pod));
  const caught = (chosen: [string, string][]): ClusterPod[] =>
    strangers.filter((pod) => chosen.every(([key, value]) => pod.labels[key] === value));
  const [best, ...others] = labels.slice(0, maxTriedLabels) as [
    [string, string],
    ...[string, string][],
  ];
  // What says best who they are is always among them, so that strangers of tomorrow stay out too.
  for (let more = 0; more < Math.min(maxChosenLabels, labels.length); more += 1) {
    for (const chosen of subsets(others, more)) {
      if (caught([best, ...chosen]).length === 0) {
        return { labels: sorted([best, ...chosen]), alsoSelects: [] };
      }
    }
  }
  const alsoSelects = [...new Set(caught(labels).map((pod) => workloadKeyOf(pod)))].sort();
  return { labels: sorted(labels), alsoSelects };
}

function sorted(labels: [string, string][]): Labels {
  return Object.fromEntries([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}
