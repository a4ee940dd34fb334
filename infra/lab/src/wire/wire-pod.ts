import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import type { EndpointFile } from "@weir/identity";
import { GATEWAY_V4, GATEWAY_V6, hostPrefix, isV6, LINK_LOCAL_V6 } from "../addresses.ts";
import { LabError } from "../lab-error.ts";
import { endpointPath, writeByRename } from "../run-directory.ts";
import { awaitCollector } from "./await-collector.ts";
import { configureNetns, ipBatch, linksOf } from "./netns.ts";
import { podRights, quietInterface, quietNamespace } from "./sysctl.ts";
import { settleAll } from "../settle.ts";

/** The pod's interface as the pod sees it. */
const POD_INTERFACE = "eth0";

export interface PodWiring {
  /** Where the endpoint file goes. */
  runDirectory: string;
  node: string;
  /** Path of the node's network namespace; absent: this process's own. */
  nodeNetns?: string;
  /** The node's own addresses: what it speaks to the pod from. */
  nodeAddresses: string[];
  namespace: string;
  pod: string;
  uid: string;
  /** Path of the pod's network namespace, which exists and is empty. */
  podNetns: string;
  /** One address per family at most. */
  addresses: string[];
  cgroup: string;
  cgroupId: string;
  /** RFC 3339. */
  created: string;
}

/**
 * Connects a pod to its node: a veth pair made directly between the two namespaces, addresses,
 * routes and sysctls of both families. The endpoint file is written when the node's end exists, and
 * neither end is brought up before the node's collector, if one runs, is attached: from the pod's
 * first packet on it is judged.
 */
export async function wirePod(pod: PodWiring): Promise<EndpointFile> {
  const [endpoint] = await wirePods([pod]);
  if (endpoint === undefined)
    throw new LabError("failed", `${pod.namespace}/${pod.pod} has no endpoint`);
  return endpoint;
}

/** `wirePod` for many at once: one process for all links, one per node and one per pod. */
export async function wirePods(pods: PodWiring[]): Promise<EndpointFile[]> {
  if (pods.length === 0) return [];
  await ipBatch(pods.map(linkCommand));
  const endpoints = (await settleAll(byNode(pods).map(writeEndpoints))).flat();
  await settleAll(byNode(pods).map(collectorAttaches));
  await settleAll(byNode(pods).map(raiseNodeEnds));
  await settleAll(pods.map(raisePodEnd));
  return endpoints;
}

/** Removes what `wirePod` left outside the pod's namespace; the veth pair goes with the namespace. */
export function unwirePod(
  runDirectory: string,
  node: string,
  namespace: string,
  pod: string,
): void {
  rmSync(endpointPath(runDirectory, node, namespace, pod), { force: true });
}

/** Name of the node's end: at most 15 characters, the same whenever it is asked for. */
export function hostInterface(namespace: string, pod: string): string {
  return `weir${createHash("sha256").update(`${namespace}/${pod}`).digest("hex").slice(0, 10)}`;
}

function linkCommand(pod: PodWiring): string {
  // A path is taken as it is; a pid names this process's namespace.
  const nodeEnd = pod.nodeNetns ?? String(process.pid);
  const name = hostInterface(pod.namespace, pod.pod);
  return `link add ${POD_INTERFACE} netns ${pod.podNetns} type veth peer name ${name} netns ${nodeEnd}`;
}

function byNode(pods: PodWiring[]): PodWiring[][] {
  return [...Map.groupBy(pods, (pod) => pod.node).values()];
}

async function collectorAttaches(pods: PodWiring[]): Promise<void> {
  const [{ runDirectory, node } = { runDirectory: "", node: "" }] = pods;
  await awaitCollector(
    runDirectory,
    node,
    pods.map((pod) => pod.uid),
  );
}

async function writeEndpoints(pods: PodWiring[]): Promise<EndpointFile[]> {
  const links = await linksOf(pods[0]?.nodeNetns);
  return pods.map((pod) => {
    const name = hostInterface(pod.namespace, pod.pod);
    const ifindex = links.get(name)?.ifindex;
    if (ifindex === undefined)
      throw new LabError("failed", `${name} is missing on node ${pod.node}`);
    const endpoint: EndpointFile = {
      node: pod.node,
      namespace: pod.namespace,
      pod: pod.pod,
      uid: pod.uid,
      addresses: pod.addresses,
      interface: name,
      ifindex,
      netns: pod.podNetns,
      direct: true,
      cgroup: pod.cgroup,
      cgroupId: pod.cgroupId,
      created: pod.created,
    };
    writeByRename(endpointPath(pod.runDirectory, pod.node, pod.namespace, pod.pod), endpoint);
    return endpoint;
  });
}

async function raiseNodeEnds(pods: PodWiring[]): Promise<void> {
  const names = pods.map((pod) => hostInterface(pod.namespace, pod.pod));
  const sysctls = Object.assign({}, ...names.map(quietInterface)) as Record<string, string>;
  const commands = pods.flatMap((pod) => {
    const name = hostInterface(pod.namespace, pod.pod);
    return [
      `address add ${GATEWAY_V4}/32 dev ${name} scope link`,
      `address add ${GATEWAY_V6}/64 dev ${name} nodad`,
      `link set ${name} up`,
      ...pod.addresses.map((address) => {
        const source = pod.nodeAddresses.find((own) => isV6(own) === isV6(address));
        const hint = source === undefined ? "" : ` src ${source}`;
        return `route replace ${hostPrefix(address)} dev ${name}${hint}`;
      }),
    ];
  });
  await configureNetns(pods[0]?.nodeNetns, sysctls, commands);
}

async function raisePodEnd(pod: PodWiring): Promise<void> {
  const families = new Set(pod.addresses.map(isV6));
  const sysctls = { ...quietNamespace(), ...quietInterface(POD_INTERFACE), ...podRights };
  await configureNetns(pod.podNetns, sysctls, [
    "link set lo up",
    ...pod.addresses.map(
      (one) => `address add ${hostPrefix(one)} dev ${POD_INTERFACE}${isV6(one) ? " nodad" : ""}`,
    ),
    ...(families.has(true) ? [`address add ${LINK_LOCAL_V6}/64 dev ${POD_INTERFACE} nodad`] : []),
    `link set ${POD_INTERFACE} up`,
    ...(families.has(false)
      ? [`route add default via ${GATEWAY_V4} dev ${POD_INTERFACE} onlink`]
      : []),
    ...(families.has(true) ? [`route add default via ${GATEWAY_V6} dev ${POD_INTERFACE}`] : []),
  ]);
}
