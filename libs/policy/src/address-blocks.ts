import {
  contains,
  familyOf,
  formatPrefix,
  hostPrefix,
  parseAddress,
  parsePrefix,
} from "./address.ts";
import type { Prefix } from "./address.ts";

export interface AddressBlocks {
  /** As peers of a NetworkPolicy write them. */
  blocks: { cidr: string; except?: string[] }[];
  /** What was done where the addresses do not stand one by one: `37 addresses as 4 blocks of /24`. */
  summary: string | undefined;
}

/** More blocks than this in one rule are no longer read by anybody. */
export const maxBlocksPerRule = 16;

/** What an address outside is never taken for when the whole Internet is allowed. */
const privateBlocks = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "fc00::/7",
];

function blocksOf(addresses: readonly bigint[], bits4: number, bits6: number): string[] {
  const prefixes = addresses.map((address) => {
    const length = familyOf(address) === 4 ? bits4 : bits6;
    return parsePrefix(`${formatPrefix(hostPrefix(address)).split("/")[0]}/${length}`) as Prefix;
  });
  const unique = new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix]));
  return [...unique.values()]
    .sort((a, b) => (a.bits === b.bits ? 0 : a.bits < b.bits ? -1 : 1))
    .map((prefix) => formatPrefix(prefix));
}

function everything(addresses: readonly bigint[]): AddressBlocks["blocks"] {
  return ([4, 6] as const).flatMap((family) => {
    const mine = addresses.filter((address) => familyOf(address) === family);
    if (mine.length === 0) return [];
    const cidr = family === 4 ? "0.0.0.0/0" : "::/0";
    const except = privateBlocks.filter((text) => {
      const block = parsePrefix(text) as Prefix;
      return (
        block.family === family && !mine.some((address) => contains(block, hostPrefix(address)))
      );
    });
    return [except.length === 0 ? { cidr } : { cidr, except }];
  });
}

/** Addresses one by one while they are few, then by /24 and /64, then the Internet without private blocks. */
export function addressBlocks(texts: readonly string[]): AddressBlocks {
  const addresses = [...new Set(texts)]
    .map((text) => parseAddress(text))
    .filter((one) => one !== undefined);
  const single = blocksOf(addresses, 32, 128);
  if (single.length <= maxBlocksPerRule) {
    return { blocks: single.map((cidr) => ({ cidr })), summary: undefined };
  }
  const wider = blocksOf(addresses, 24, 64);
  if (wider.length <= maxBlocksPerRule) {
    const summary = `${single.length} addresses as ${wider.length} of /24 or /64`;
    return { blocks: wider.map((cidr) => ({ cidr })), summary };
  }
  return {
    blocks: everything(addresses),
    summary: `${single.length} addresses as all but private ones`,
  };
}
