import { parseAddress } from "@weir/codec";
import type { Workload } from "@weir/codec";
import { protocolNumber } from "@weir/policy";
import type { LabFile, LabPort } from "./lab-file.ts";

/**
 * A lab's pods, services and nodes as workloads that have not ended. What it has outside the cluster
 * is for its DNS server alone, as it would be anywhere else.
 */
export function labWorkloads(lab: LabFile): Workload[] {
  const started = microseconds(lab.started);
  const namespaceLabels = new Map(lab.namespaces.map(({ name, labels }) => [name, labels]));
  const plain = (name: string): Pick<Workload, "name" | "workload" | "host_network" | "until"> => ({
    name,
    workload: name,
    host_network: false,
    until: null,
  });
  const bare = { labels: {}, namespace_labels: {}, ports: [], namespace: "", since: started };
  const nodes = lab.nodes.map((node): Workload => ({
    ...plain(node.name),
    ...bare,
    kind: "node",
    uid: `${lab.lab}/${node.name}/${lab.started}`,
    workload_kind: "Node",
    node: node.name,
    addresses: node.addresses.map(parseAddress),
  }));
  const pods = lab.pods.map((pod): Workload => ({
    ...plain(pod.name),
    kind: "pod",
    namespace: pod.namespace,
    uid: pod.uid,
    workload: pod.workload,
    workload_kind: pod.workloadKind,
    node: pod.node,
    addresses: pod.addresses.map(parseAddress),
    labels: pod.labels,
    namespace_labels: namespaceLabels.get(pod.namespace) ?? {},
    host_network: pod.hostNetwork,
    ports: pod.ports.map(port),
    since: microseconds(pod.created),
  }));
  const services = lab.services.map((service): Workload => ({
    ...plain(service.name),
    kind: "service",
    namespace: service.namespace,
    uid: service.uid,
    workload_kind: "Service",
    node: "",
    addresses: service.addresses.map(parseAddress),
    labels: service.labels,
    namespace_labels: namespaceLabels.get(service.namespace) ?? {},
    ports: service.ports.map(port),
    since: started,
  }));
  return [...nodes, ...pods, ...services];
}

function port({ name, port: number, protocol }: LabPort): Workload["ports"][number] {
  return { name, port: number, protocol: protocolNumber(protocol) };
}

function microseconds(time: string): number {
  const milliseconds = Date.parse(time);
  if (Number.isNaN(milliseconds)) throw new Error(`${JSON.stringify(time)} is no RFC 3339 time`);
  return milliseconds * 1000;
}
