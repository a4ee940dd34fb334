/** What policy is judged against: who there is, with which labels, ports and addresses. */
import { parseAddress } from "./address.ts";
import { expandWorkload } from "./expand.ts";
import type { ContainerPort, ManifestPod } from "./manifest-objects.ts";
import type { Manifests } from "./manifests.ts";
import type { Labels } from "./selector.ts";

/** Every namespace carries it, whether a manifest writes it or not. */
export const namespaceNameLabel = "kubernetes.io/metadata.name";

export interface ClusterPod {
  namespace: string;
  name: string;
  /** Of this instance of the name; empty or absent: not known. */
  uid?: string;
  labels: Labels;
  /** Textual, IPv4 and IPv6. */
  addresses: string[];
  /** Of all containers; an empty name where the port has none. */
  ports: ContainerPort[];
  /** Empty: not known. */
  node: string;
  /** Policies neither select it nor its peers by labels: its address is the node's. */
  hostNetwork: boolean;
  /** Top owner, or the pod itself. */
  workload: string;
  workloadKind: string;
}

export interface ClusterNode {
  name: string;
  addresses: string[];
}

export interface Cluster {
  /** Labels by name. A namespace that only its pods mention has none but the implicit one. */
  namespaces: Record<string, Labels>;
  pods: ClusterPod[];
  nodes: ClusterNode[];
}

/** `namespace/name` */
export function podKey(pod: { namespace: string; name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}

/** Labels of a namespace with the implicit one. */
export function namespaceLabels(cluster: Cluster, name: string): Labels {
  const labels = Object.hasOwn(cluster.namespaces, name) ? cluster.namespaces[name] : undefined;
  return { ...labels, [namespaceNameLabel]: name };
}

function clusterPod(pod: ManifestPod): ClusterPod {
  return {
    namespace: pod.namespace,
    name: pod.name,
    labels: pod.labels,
    addresses: pod.addresses,
    ports: pod.containers.flatMap((container) => container.ports),
    node: pod.node,
    hostNetwork: pod.hostNetwork,
    workload: pod.workload,
    workloadKind: pod.workloadKind,
  };
}

/** The cluster that manifests describe; workloads stand for their pods, which have no addresses. */
export function clusterOf(manifests: Manifests): Cluster {
  const nodes = manifests.nodes.map(({ name, addresses }) => ({ name, addresses }));
  const names = nodes.length > 0 ? nodes.map((node) => node.name) : ["node"];
  const pods = [
    ...manifests.pods,
    ...manifests.workloads.flatMap((workload) => expandWorkload(workload, names)),
  ].map((pod) => clusterPod(pod));
  const namespaces = Object.fromEntries(
    manifests.namespaces.map(({ name, labels }) => [name, labels]),
  );
  return { namespaces, pods, nodes };
}

/** Ports of the pod that carry this name under this protocol; several containers may have one each. */
export function portsNamed(pod: ClusterPod, name: string, protocol: string): number[] {
  const found = pod.ports.filter((port) => port.name === name && port.protocol === protocol);
  return [...new Set(found.map((port) => port.port))].sort((a, b) => a - b);
}

/** Who has an address: a pod with a network of its own, or a node (host-network pods count as it). */
export interface AddressBook {
  pods: Map<bigint, ClusterPod>;
  nodes: Map<bigint, string>;
}

export function addressBook(cluster: Cluster): AddressBook {
  const book: AddressBook = { pods: new Map(), nodes: new Map() };
  for (const node of cluster.nodes) {
    for (const address of node.addresses) {
      const parsed = parseAddress(address);
      if (parsed !== undefined) book.nodes.set(parsed, node.name);
    }
  }
  for (const pod of cluster.pods) {
    for (const address of pod.addresses) {
      const parsed = parseAddress(address);
      if (parsed === undefined) continue;
      if (pod.hostNetwork) book.nodes.set(parsed, pod.node);
      else book.pods.set(parsed, pod);
    }
  }
  return book;
}
