import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { LabNamespace, LabPort, LabService } from "@weir/identity";
import {
  expandWorkload,
  formatDiagnostic,
  joinManifests,
  namespaceNameLabel,
  podKey,
  readManifests,
} from "@weir/policy";
import type { ManifestPod, ManifestService, Manifests } from "@weir/policy";
import { LabError } from "./lab-error.ts";
import { nodeName } from "./lab-name.ts";

/** Pods of one lab: each is a process of some 20 MiB. */
export const PODS_MAX = 250;

const SYSTEM_MANIFEST = fileURLToPath(new URL("../system/kube-dns.yaml", import.meta.url));

/** What the manifests ask for, before anything has an address, a namespace or a process. */
export interface LabPlan {
  /** Absolute paths. */
  manifests: string[];
  namespaces: LabNamespace[];
  pods: PlannedPod[];
  services: LabService[];
  /** Names of Node objects in the manifests, in order: they stand for the lab's nodes 1, 2, ... */
  nodeNames: string[];
  /** What was found and is not honoured, one sentence each. */
  notes: string[];
  fingerprint: string;
}

export interface PlannedPod {
  namespace: string;
  name: string;
  labels: Record<string, string>;
  workload: string;
  workloadKind: string;
  ports: LabPort[];
  hostNetwork: boolean;
  /** Node the manifest asks for; empty: any. */
  node: string;
  /** Addresses the manifest asks for; empty: any. */
  addresses: string[];
  env: Record<string, string>;
  /** The lab's own DNS. */
  system: boolean;
}

/** Reads manifests (files, or folders of *.yaml, *.yml and *.json) for a lab of so many nodes. */
export function readPlan(lab: string, paths: string[], nodes: number): LabPlan {
  const manifests = readPaths(paths);
  const own = manifests.pods.concat(manifests.workloads.flatMap((one) => expandWorkload(one)));
  const system = own.some(isDns) ? [] : [readOne(SYSTEM_MANIFEST)];
  const all = joinManifests([manifests, ...system]);
  const nodeNames = manifests.nodes.map((node) => node.name);
  // The names that `policy matrix` gives a DaemonSet's pods too.
  const placed = nodeNames.length > 0 ? nodeNames : nodes === 1 ? ["node"] : labNodes(lab, nodes);
  const pods = [...all.pods, ...all.workloads.flatMap((one) => expandWorkload(one, placed))];
  const notes = notesOf(all);
  const plan = {
    manifests: paths.map((path) => resolve(path)),
    namespaces: namespacesOf(all, pods),
    pods: pods.map((pod) => plannedPod(pod, system.length > 0 && isDns(pod))),
    services: all.services.map(plannedService),
    nodeNames,
    notes,
  };
  checkPods(plan.pods);
  const hash = createHash("sha256").update(
    JSON.stringify([plan.pods, plan.services, plan.namespaces, nodes]),
  );
  return { ...plan, fingerprint: hash.digest("hex") };
}

/** Whether a pod runs the DNS server instead of the common workload. */
export function isDns(pod: {
  namespace: string;
  labels: Readonly<Record<string, string>>;
}): boolean {
  return pod.namespace === "kube-system" && pod.labels["k8s-app"] === "kube-dns";
}

function labNodes(lab: string, nodes: number): string[] {
  return Array.from({ length: nodes }, (_, index) => nodeName(lab, index + 1));
}

function readPaths(paths: string[]): Manifests {
  if (paths.length === 0)
    throw new LabError("invalid", "name at least one manifest: a file or a folder");
  const parts = paths.flatMap(filesOf).map(readOne);
  const manifests = joinManifests(parts);
  const errors = manifests.diagnostics.filter((one) => one.severity === "error");
  if (errors.length > 0) {
    throw new LabError("invalid", errors.map((one) => formatDiagnostic(one)).join("\n"));
  }
  return manifests;
}

function readOne(path: string): Manifests {
  return readManifests(readFileSync(path, "utf8"), path);
}

function filesOf(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new LabError("invalid", `${path}: no such file or folder`);
  if (!stat.isDirectory()) return [path];
  const files = readdirSync(path)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .toSorted();
  if (files.length === 0)
    throw new LabError("invalid", `${path}: no *.yaml, *.yml or *.json in it`);
  return files.map((name) => join(path, name));
}

function namespacesOf(all: Manifests, pods: ManifestPod[]): LabNamespace[] {
  const labels = new Map<string, Record<string, string>>();
  for (const { namespace } of [...pods, ...all.services]) labels.set(namespace, {});
  for (const one of all.namespaces)
    labels.set(one.name, { ...labels.get(one.name), ...one.labels });
  return [...labels].map(([name, own]) => ({
    name,
    labels: { ...own, [namespaceNameLabel]: name },
  }));
}

function plannedPod(pod: ManifestPod, system: boolean): PlannedPod {
  return {
    namespace: pod.namespace,
    name: pod.name,
    labels: pod.labels,
    workload: pod.workload,
    workloadKind: pod.workloadKind,
    ports: pod.containers.flatMap((container) => container.ports),
    hostNetwork: pod.hostNetwork,
    node: pod.node,
    addresses: pod.addresses,
    env: Object.fromEntries(
      pod.containers.flatMap((container) => container.env.map(({ name, value }) => [name, value])),
    ),
    system,
  };
}

function plannedService(service: ManifestService): LabService {
  return {
    namespace: service.namespace,
    name: service.name,
    uid: "",
    // No kube-proxy here: whatever ClusterIP the manifest has, names lead to the pods themselves.
    addresses: [],
    labels: service.labels,
    selector: service.selector ?? {},
    ports: service.ports,
  };
}

function notesOf(all: Manifests): string[] {
  const kinds = Map.groupBy(all.ignored, (one) => one.kind);
  return [
    ...all.diagnostics.map((one) => formatDiagnostic(one)),
    ...[...kinds].map(([kind, objects]) => `${objects.length} ${kind} without meaning in a lab`),
    ...all.services
      .filter((one) => one.externalName !== "")
      .map((one) => `Service ${podKey(one)}: externalName is not served`),
  ];
}

function checkPods(pods: PlannedPod[]): void {
  if (pods.length > PODS_MAX) {
    throw new LabError("invalid", `${pods.length} pods are more than a lab takes (${PODS_MAX})`);
  }
  const seen = new Set<string>();
  const addresses = new Map<string, string>();
  for (const pod of pods) {
    const key = podKey(pod);
    if (seen.has(key)) throw new LabError("invalid", `pod ${key} is there twice: rename one`);
    seen.add(key);
    for (const address of pod.hostNetwork ? [] : pod.addresses) {
      const other = addresses.get(address);
      if (other !== undefined)
        throw new LabError("invalid", `${address} is asked for by ${other} and ${key}`);
      addresses.set(address, key);
    }
  }
}
