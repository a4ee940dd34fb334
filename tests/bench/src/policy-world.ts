import { clusterOf, compile, readManifests } from "@weir/policy";
import type { Cluster, CompiledPolicy, Policy } from "@weir/policy";

/** A workload of the lab, or of the table only. */
export interface BenchPod {
  name: string;
  address: string;
}

/** A pod for each policy, so that what is loaded grows with their number. */
export const peerAddress = (at: number): string =>
  `10.${100 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
const peerPort = (at: number): number => 1024 + (at % 40_000);

function podOf(name: string, app: string, address: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "bench", labels: { app } },
    spec: { nodeName: "node", containers: [{ name: "main", image: "none" }] },
    status: { podIP: address },
  };
}

function policyOf(name: string, app: string, from: string, port: number | undefined): object {
  const ports = port === undefined ? {} : { ports: [{ port }] };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace: "bench" },
    spec: {
      podSelector: { matchLabels: { app } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: { matchLabels: { app: from } } }], ...ports }],
    },
  };
}

function manifestsOf(items: object[]): { policies: Policy[]; cluster: Cluster } {
  const text = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const manifests = readManifests(text, "bench.json");
  return { policies: manifests.policies, cluster: clusterOf(manifests) };
}

/**
 * `count` policies for the server, as compiled: one lets the client in, each of the others another
 * app on a port of its own, so that every one of them is an identity and a rule in the server's way.
 */
export function compiledWorld(client: BenchPod, server: BenchPod, count: number): CompiledPolicy {
  const items: object[] = [
    podOf(client.name, client.name, client.address),
    podOf(server.name, server.name, server.address),
    policyOf("measured", server.name, client.name, undefined),
  ];
  for (let at = 1; at < count; at++) {
    items.push(podOf(`peer-${at}`, `app-${at}`, peerAddress(at)));
    items.push(policyOf(`peer-${at}`, server.name, `app-${at}`, peerPort(at)));
  }
  const { cluster, policies } = manifestsOf(items);
  return compile(cluster, policies);
}

/** Pods that no policy selects, as compiled. */
export function openWorld(...pods: BenchPod[]): CompiledPolicy {
  const { cluster } = manifestsOf(pods.map(({ name, address }) => podOf(name, name, address)));
  return compile(cluster, []);
}

/** The same for a firewall of rules: who may come to which port, the client last. */
export function firewallRules(count: number): { address: string; port: number }[] {
  return Array.from({ length: count - 1 }, (_, index) => ({
    address: peerAddress(index + 1),
    port: peerPort(index + 1),
  }));
}
