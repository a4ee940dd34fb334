import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunState } from "@weir/identity";
import { listInterfaces } from "libbpf-ts";
import type { Interface } from "libbpf-ts";
import type { CollectorConfig } from "./config.ts";

/** An interface that is to be watched. */
export interface WantedInterface {
  ifindex: number;
  name: string;
  netns: string | undefined;
  /** Empty for the machine's own. */
  namespace: string;
  pod: string;
  uid: string;
  /** The machine's own: only observed. */
  own: boolean;
  layer3: boolean;
  /** Textual; of a workload. */
  addresses: string[];
  /** Packets between two such interfaces of a node may skip the node's stack. */
  direct: boolean;
}

export interface Wanted {
  interfaces: WantedInterface[];
  /** Files and names that lead to no interface, and why. */
  missing: string[];
}

/** What the run directory and the configuration ask to watch, as far as it exists. */
export function wantedInterfaces(config: CollectorConfig, state: RunState): Wanted {
  const node = state.nodes.find((one) => one.node === config.node);
  const pods = podInterfaces(config.node, state, node?.netns);
  const own = ownInterfaces(config, node?.netns !== undefined);
  const ofPods = new Set(
    node?.netns === undefined ? pods.interfaces.map((one) => one.ifindex) : [],
  );
  return {
    interfaces: [...pods.interfaces, ...own.interfaces.filter((one) => !ofPods.has(one.ifindex))],
    missing: [...pods.missing, ...own.missing],
  };
}

function podInterfaces(node: string, state: RunState, netns: string | undefined): Wanted {
  const wanted: Wanted = { interfaces: [], missing: [] };
  const files = state.endpoints.filter((one) => one.node === node);
  if (files.length === 0) return wanted;
  const there = interfacesOf(netns);
  for (const file of files) {
    const { ifindex, interface: name, namespace, pod, uid, addresses } = file;
    // A file that outlived its interface must not lead to another one with the same number.
    if (there.get(ifindex) === name) {
      wanted.interfaces.push({
        ...{ ifindex, name, netns, namespace, pod, uid, addresses },
        own: false,
        layer3: false,
        direct: file.direct === true,
      });
    } else wanted.missing.push(`${name} (${namespace}/${pod})`);
  }
  return wanted;
}

function ownInterfaces(config: CollectorConfig, nodeHasNetns: boolean): Wanted {
  const { interfaces: setting } = config;
  if (setting === "none" || (setting === "auto" && nodeHasNetns)) {
    return { interfaces: [], missing: [] };
  }
  const there = listInterfaces();
  const chosen =
    setting === "auto"
      ? there.filter((one) => one.name !== "lo" && !one.name.startsWith("weir") && isUp(one.name))
      : there.filter((one) => setting.includes(one.name));
  const missing =
    setting === "auto" ? [] : setting.filter((name) => !there.some((one) => one.name === name));
  return { interfaces: chosen.map(ownInterface), missing };
}

function ownInterface({ ifindex, name }: Interface): WantedInterface {
  const none = { netns: undefined, namespace: "", pod: "", uid: "", addresses: [], direct: false };
  return { ifindex, name, ...none, own: true, layer3: !hasMacHeader(name) };
}

/**
 * By number; empty where the namespace is gone. Throws where it is there and cannot be looked into:
 * taken for empty, it would have the programs detached from every pod of the node.
 */
function interfacesOf(netns: string | undefined): Map<number, string> {
  try {
    const there = listInterfaces(netns === undefined ? {} : { netns });
    return new Map(there.map((one) => [one.ifindex, one.name]));
  } catch (error) {
    if (netns !== undefined && !existsSync(netns)) return new Map();
    throw error;
  }
}

const ethernetTypes = new Set([1, 772]); // ARPHRD_ETHER, ARPHRD_LOOPBACK

function hasMacHeader(name: string): boolean {
  return ethernetTypes.has(Number(readAttribute(name, "type")));
}

function isUp(name: string): boolean {
  return (Number(readAttribute(name, "flags")) & 1) === 1;
}

function readAttribute(name: string, attribute: string): string {
  try {
    return readFileSync(join("/sys/class/net", name, attribute), "latin1").trim();
  } catch {
    return "";
  }
}
