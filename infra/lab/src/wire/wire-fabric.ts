import {
  FABRIC_GATEWAY_V4,
  GATEWAY_V6,
  hostPrefix,
  INTERNET_ADDRESSES,
  isV6,
  LINK_LOCAL_V6,
  podPrefixes,
} from "../addresses.ts";
import { netnsName } from "../lab-name.ts";
import { configureNetns, ipBatch, makeNetns, netnsPath } from "./netns.ts";
import { forwarding, quietInterface, quietNamespace } from "./sysctl.ts";
import { settleAll } from "../settle.ts";

/** A node's and the internet's interface towards the fabric. */
const UPLINK = "eth0";

export interface FabricNode {
  number: number;
  addresses: string[];
}

/**
 * Makes a lab's nodes, the fabric between them and the `internet` beyond: namespaces joined by
 * point-to-point links, the fabric a router that knows each pod's node. Nothing of it, at any
 * moment, is in the namespace this runs in.
 */
export async function wireFabric(lab: string, block: number, nodes: FabricNode[]): Promise<void> {
  const fabric = netnsPath(netnsName.fabric(lab));
  const internet = netnsPath(netnsName.internet(lab));
  const netnsOf = (node: FabricNode) => netnsPath(netnsName.node(lab, node.number));
  await makeNetns([
    netnsName.fabric(lab),
    netnsName.internet(lab),
    ...nodes.map((node) => netnsName.node(lab, node.number)),
  ]);
  await ipBatch([
    linkCommand(fabric, "internet", internet),
    ...nodes.map((node) => linkCommand(fabric, port(node), netnsOf(node))),
  ]);
  await raiseFabric(fabric, nodes);
  await settleAll([
    raiseLeaf(internet, INTERNET_ADDRESSES, []),
    ...nodes.map((node) =>
      raiseLeaf(netnsOf(node), node.addresses, podPrefixes(block, node.number)),
    ),
  ]);
}

/** Tells the fabric on which node each pod is. */
export async function routePods(
  lab: string,
  pods: { addresses: string[]; node: FabricNode }[],
): Promise<void> {
  const commands = pods.flatMap(({ addresses, node }) =>
    addresses.map(
      (address) => `route replace ${hostPrefix(address)} ${towards(node, isV6(address))}`,
    ),
  );
  await configureNetns(netnsPath(netnsName.fabric(lab)), {}, commands);
}

export async function unroutePod(lab: string, addresses: string[]): Promise<void> {
  const commands = addresses.map((address) => `route delete ${hostPrefix(address)}`);
  await configureNetns(netnsPath(netnsName.fabric(lab)), {}, commands);
}

const port = (node: FabricNode): string => `node-${node.number}`;

function towards(node: FabricNode, v6: boolean): string {
  if (v6) return `via ${LINK_LOCAL_V6} dev ${port(node)}`;
  const gateway = node.addresses.find((address) => !isV6(address));
  return `via ${gateway} dev ${port(node)} onlink`;
}

function linkCommand(fabric: string, name: string, leaf: string): string {
  return `link add ${UPLINK} netns ${leaf} type veth peer name ${name} netns ${fabric}`;
}

async function raiseFabric(fabric: string, nodes: FabricNode[]): Promise<void> {
  const ports = ["internet", ...nodes.map(port)];
  const sysctls = Object.assign({}, quietNamespace(), forwarding, ...ports.map(quietInterface));
  await configureNetns(fabric, sysctls as Record<string, string>, [
    "link set lo up",
    ...ports.flatMap((name) => [
      `address add ${FABRIC_GATEWAY_V4}/32 dev ${name} scope link`,
      `address add ${GATEWAY_V6}/64 dev ${name} nodad`,
      `link set ${name} up`,
    ]),
    ...nodes.flatMap((node) =>
      node.addresses.map((one) => `route add ${hostPrefix(one)} dev ${port(node)}`),
    ),
    ...INTERNET_ADDRESSES.map((one) => `route add ${hostPrefix(one)} dev internet`),
    // What nobody has is answered at once instead of going round in circles.
    ...["0.0.0.0/0", "::/0"].map((prefix) => `route add unreachable ${prefix}`),
  ]);
}

/** A namespace with one way out. What it owns but has no interface for is unreachable. */
async function raiseLeaf(netns: string, addresses: string[], owned: string[]): Promise<void> {
  const sysctls = { ...quietNamespace(), ...quietInterface(UPLINK), ...forwarding };
  await configureNetns(netns, sysctls, [
    "link set lo up",
    ...addresses.map(
      (one) => `address add ${hostPrefix(one)} dev ${UPLINK}${isV6(one) ? " nodad" : ""}`,
    ),
    `address add ${LINK_LOCAL_V6}/64 dev ${UPLINK} nodad`,
    `link set ${UPLINK} up`,
    `route add default via ${FABRIC_GATEWAY_V4} dev ${UPLINK} onlink`,
    `route add default via ${GATEWAY_V6} dev ${UPLINK}`,
    ...owned.map((prefix) => `route add unreachable ${prefix}`),
  ]);
}
