import { parseAddress } from "@weir/codec";
import type { Workload } from "@weir/codec";
import { namespaceNameLabel } from "@weir/policy";
import { isProtocol, protocolNumber } from "@weir/policy";
import type { ManifestNamespace, ManifestPod, Manifests } from "@weir/policy";
import { externalKind } from "./workload-ref.ts";

/** Begins the uid of what a file names: nodes know the instance that runs by another one. */
export const manifestUid = "manifest";

/**
 * Who manifests say there is: pods with an address in their status, services with a cluster
 * address, nodes. Workloads without pods of their own (a Deployment alone) have no address and are
 * nobody yet. `sinceUs` is when the manifests began to say so.
 */
export function manifestWorkloads(
  manifests: Manifests,
  namespaces: ManifestNamespace[],
  sinceUs: number,
): Workload[] {
  const labels = namespaceLabels(namespaces);
  const pods = manifests.pods.filter((pod) => pod.addresses.length > 0);
  return [
    ...pods.map((pod) => podWorkload(pod, labels(pod.namespace), sinceUs)),
    ...manifests.services.map((service): Workload => ({
      ...bare("service", service.namespace, service.name, service.uid, sinceUs),
      workload_kind: service.externalName === "" ? "Service" : externalKind,
      addresses: addressesOf(service.clusterIPs.filter((address) => address !== "None")),
      labels: service.labels,
      namespace_labels: labels(service.namespace),
      ports: service.ports.map(port),
    })),
    ...manifests.nodes.map((node): Workload => ({
      ...bare("node", "", node.name, node.uid, sinceUs),
      workload_kind: "Node",
      node: node.name,
      addresses: addressesOf(node.addresses),
      labels: node.labels,
    })),
  ];
}

function podWorkload(pod: ManifestPod, labels: Record<string, string>, sinceUs: number): Workload {
  return {
    ...bare("pod", pod.namespace, pod.name, pod.uid, sinceUs),
    workload: pod.workload,
    workload_kind: pod.workloadKind,
    node: pod.node,
    addresses: addressesOf(pod.addresses),
    labels: pod.labels,
    namespace_labels: labels,
    host_network: pod.hostNetwork,
    ports: pod.containers.flatMap((container) => container.ports.map(port)),
  };
}

function bare(
  kind: Workload["kind"],
  namespace: string,
  name: string,
  uid: string,
  since: number,
): Workload {
  return {
    kind,
    namespace,
    name,
    uid: uid === "" ? manifestUid : `${manifestUid}/${uid}`,
    workload: name,
    workload_kind: "",
    node: "",
    addresses: [],
    labels: {},
    namespace_labels: {},
    host_network: false,
    ports: [],
    since,
    until: null,
  };
}

function namespaceLabels(
  namespaces: ManifestNamespace[],
): (name: string) => Record<string, string> {
  const known = new Map(namespaces.map(({ name, labels }) => [name, labels]));
  return (name) => ({ ...known.get(name), [namespaceNameLabel]: name });
}

function port(one: { name: string; port: number; protocol: string }): Workload["ports"][number] {
  const protocol = isProtocol(one.protocol) ? protocolNumber(one.protocol) : 0;
  return { name: one.name, port: one.port, protocol };
}

function addressesOf(texts: string[]): Uint8Array[] {
  return texts.map((text) => parseAddress(text));
}
