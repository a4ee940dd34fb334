import { formatAddress } from "@weir/codec";
import type { Workload } from "@weir/codec";
import type { Cluster, ClusterPod, PortProtocol } from "@weir/policy";
import { manifestUid } from "./manifest-workloads.ts";

const PROTOCOLS: Record<number, PortProtocol> = { 6: "TCP", 17: "UDP", 132: "SCTP" };

/**
 * The cluster that policies are judged against, from workloads as the table holds them: what has
 * ended is left out, and of two instances of a pod the one that began last counts.
 */
export function workloadCluster(workloads: Iterable<Workload>): Cluster {
  const pods = new Map<string, Workload>();
  const cluster: Cluster = { namespaces: {}, pods: [], nodes: [] };
  for (const workload of workloads) {
    if (workload.until !== null) continue;
    if (workload.kind === "node") {
      cluster.nodes.push({ name: workload.name, addresses: texts(workload) });
    } else if (workload.kind === "pod") {
      const key = `${workload.namespace}/${workload.name}`;
      const other = pods.get(key);
      if (!other || isNewer(workload, other)) pods.set(key, workload);
    }
  }
  // In the order of names, so that the same workloads give the same compilation.
  for (const key of [...pods.keys()].sort()) {
    const pod = pods.get(key) as Workload;
    cluster.pods.push(clusterPod(pod));
    cluster.namespaces[pod.namespace] = pod.namespace_labels;
  }
  cluster.nodes.sort((one, two) => (one.name < two.name ? -1 : 1));
  return cluster;
}

function isNewer(one: Workload, two: Workload): boolean {
  return one.since > two.since || (one.since === two.since && one.uid > two.uid);
}

function clusterPod(pod: Workload): ClusterPod {
  return {
    namespace: pod.namespace,
    name: pod.name,
    uid: pod.uid.startsWith(manifestUid) ? "" : pod.uid,
    labels: pod.labels,
    addresses: texts(pod),
    ports: pod.ports.flatMap(({ name, port, protocol }) => {
      const known = PROTOCOLS[protocol];
      return known ? [{ name, port, protocol: known }] : [];
    }),
    node: pod.node,
    hostNetwork: pod.host_network,
    workload: pod.workload,
    workloadKind: pod.workload_kind,
  };
}

function texts(workload: Workload): string[] {
  return workload.addresses.map((address) => formatAddress(address));
}
