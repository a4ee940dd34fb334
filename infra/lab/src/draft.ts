import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { LabFile, LabNode, LabPod } from "@weir/identity";
import { allocatePodAddresses, INTERNET_ADDRESSES, nodeAddresses } from "./addresses.ts";
import { labCgroup } from "./cgroup.ts";
import { netnsName, nodeName } from "./lab-name.ts";
import type { LabPlan, PlannedPod } from "./plan.ts";
import { netnsPath } from "./wire/netns.ts";

/** Name under which the lab's internet is reached. */
export const EXTERNAL_NAME = "weather.example";

/** A lab as it is going to be: written down before anything of it is made. */
export function draftLab(lab: string, plan: LabPlan, nodes: number, block: number): LabFile {
  const started = new Date().toISOString();
  const draft: LabFile = {
    lab,
    phase: "starting",
    started,
    manifests: plan.manifests,
    fingerprint: plan.fingerprint,
    block,
    nodes: Array.from({ length: nodes }, (_, index) => draftNode(lab, block, index + 1)),
    namespaces: plan.namespaces,
    pods: [],
    services: plan.services.map((service) => ({ ...service, uid: randomUUID() })),
    external: [{ name: EXTERNAL_NAME, addresses: INTERNET_ADDRESSES }],
  };
  draft.pods = draftPods(draft, plan.pods, plan.nodeNames);
  return draft;
}

/** Further pods of a lab: each with a node, addresses nobody has, names and paths. */
export function draftPods(lab: LabFile, pods: PlannedPod[], nodeNames: string[]): LabPod[] {
  const taken = new Set([...lab.pods, ...pods].flatMap((pod) => pod.addresses));
  const created = new Date().toISOString();
  return pods.map((pod, index) => {
    const number = nodeOf(pod, index + lab.pods.length, lab, nodeNames);
    const node = lab.nodes[number - 1] as LabNode;
    const addresses = addressesOf(pod, lab.block, number, node, taken);
    for (const address of addresses) taken.add(address);
    return {
      namespace: pod.namespace,
      name: pod.name,
      uid: randomUUID(),
      node: node.name,
      addresses,
      labels: pod.labels,
      workload: pod.workload,
      workloadKind: pod.workloadKind,
      ports: pod.ports,
      hostNetwork: pod.hostNetwork,
      created,
      netns: pod.hostNetwork
        ? node.netns
        : netnsPath(netnsName.pod(lab.lab, pod.namespace, pod.name)),
      cgroup: join(labCgroup(lab.lab), node.name, `${pod.namespace}_${pod.name}`),
      cgroupId: "",
      system: pod.system,
    };
  });
}

/** Number of a node, from its place in the list: 1, 2, ... */
export function nodeNumber(lab: LabFile, name: string): number {
  return lab.nodes.findIndex((node) => node.name === name) + 1;
}

function draftNode(lab: string, block: number, number: number): LabNode {
  return {
    name: nodeName(lab, number),
    addresses: nodeAddresses(block, number),
    netns: netnsPath(netnsName.node(lab, number)),
  };
}

/** The node a pod asks for, by the lab's name or as the n-th Node of the manifests; else in turn. */
function nodeOf(pod: PlannedPod, index: number, lab: LabFile, nodeNames: string[]): number {
  const own = nodeNumber(lab, pod.node);
  if (own > 0) return own;
  const named = nodeNames.indexOf(pod.node);
  return ((named >= 0 ? named : index) % lab.nodes.length) + 1;
}

function addressesOf(
  pod: PlannedPod,
  block: number,
  number: number,
  node: LabNode,
  taken: Set<string>,
): string[] {
  if (pod.hostNetwork) return node.addresses;
  return pod.addresses.length > 0 ? pod.addresses : allocatePodAddresses(block, number, taken);
}
