import { isIPv6 } from "node:net";
import { LabError } from "./lab-error.ts";

/** How many labs may run side by side, each with a 10.x/16 of its own. */
export const BLOCKS_MAX = 128;
export const NODES_MAX = 32;
/** Pods of one node: the last byte of its /24. */
const PODS_PER_NODE_MAX = 250;
/** First host number given to a pod; those below are left to be recognised as the network's own. */
const FIRST_POD = 2;

/** Gateways of every pod and of every node: link-local, so that they are in nobody's way. */
export const GATEWAY_V4 = "169.254.1.1";
/** Not the same one: a node has the pods' gateway itself and takes nothing from such a sender. */
export const FABRIC_GATEWAY_V4 = "169.254.1.2";
export const GATEWAY_V6 = "fe80::1";
/** The other end of such a link. */
export const LINK_LOCAL_V6 = "fe80::2";

/** Beyond the lab: the blocks that RFC 5737 and RFC 3849 set aside for documentation. */
export const INTERNET_ADDRESSES = ["198.51.100.10", "2001:db8::10"];

/** Addresses of a node on the fabric: 10.(64+block).255.n and fd77:0:block:ff::n. */
export function nodeAddresses(block: number, node: number): string[] {
  return [`10.${64 + block}.255.${node}`, `fd77:0:${block.toString(16)}:ff::${node.toString(16)}`];
}

/** What a node's pods get addresses from. */
export function podPrefixes(block: number, node: number): string[] {
  return [
    `10.${64 + block}.${node}.0/24`,
    `fd77:0:${block.toString(16)}:${node.toString(16)}::/64`,
  ];
}

/** The next pair of pod addresses on a node that nobody in `taken` has. */
export function allocatePodAddresses(block: number, node: number, taken: Set<string>): string[] {
  for (let host = FIRST_POD; host < FIRST_POD + PODS_PER_NODE_MAX; host += 1) {
    const pair = [
      `10.${64 + block}.${node}.${host}`,
      `fd77:0:${block.toString(16)}:${node.toString(16)}::${host.toString(16)}`,
    ];
    if (pair.every((address) => !taken.has(address))) return pair;
  }
  throw new LabError("invalid", `node ${node} has no pod address left: use more nodes (--nodes)`);
}

/** The first block that none of the running labs uses. */
export function allocateBlock(taken: number[]): number {
  for (let block = 0; block < BLOCKS_MAX; block += 1) if (!taken.includes(block)) return block;
  throw new LabError(
    "conflict",
    `${BLOCKS_MAX} labs are running: take one down first (weir lab list)`,
  );
}

export const isV6 = (address: string): boolean => isIPv6(address);

/** An address with the prefix length of a single host. */
export function hostPrefix(address: string): string {
  return `${address}/${isV6(address) ? 128 : 32}`;
}
