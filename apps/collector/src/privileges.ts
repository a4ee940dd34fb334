import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CollectorConfig } from "./config.ts";

type Settings = Pick<CollectorConfig, "node" | "runDirectory">;

interface Privilege {
  /** As setpriv and Kubernetes have it, less their prefix. */
  name: string;
  /** Of linux/capability.h. */
  bit: bigint;
  /** What does not work without it. */
  needed: string;
  isNeeded?(config: Settings): boolean;
}

const privileges: Privilege[] = [
  { name: "BPF", bit: 39n, needed: "to load programs and make maps" },
  { name: "NET_ADMIN", bit: 12n, needed: "to attach programs to interfaces" },
  {
    name: "PERFMON",
    bit: 38n,
    needed: "to load the programs that walk the flow map and the kernel's sockets",
  },
  {
    name: "SYS_ADMIN",
    bit: 21n,
    needed: "to enter the network namespace that this node has of its own, as a lab's nodes have",
    isNeeded: hasOwnNamespace,
  },
];

/** The names of what a collector with these settings cannot do without. */
export function neededCapabilities(config: Settings): string[] {
  return needed(config).map((one) => one.name);
}

/** What this process lacks, for people; undefined where nothing is missing. */
export function missingPrivileges(config: Settings, held = heldCapabilities()): string | undefined {
  const missing = needed(config).filter(({ bit }) => (held & (1n << bit)) === 0n);
  if (missing.length === 0) return undefined;
  const lines = missing.map((one) => `CAP_${one.name} is missing: it is needed ${one.needed}`);
  const names = missing.map((one) => one.name).join(", ");
  return `${lines.join("\n")}\nstart the collector as root, or add to its capabilities: ${names}`;
}

function needed(config: Settings): Privilege[] {
  return privileges.filter((one) => one.isNeeded?.(config) ?? true);
}

function heldCapabilities(): bigint {
  const [, effective = "0"] =
    /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  return BigInt(`0x${effective}`);
}

/** As the wiring of pods has left word; a node that nobody wires is the machine itself. */
function hasOwnNamespace({ node, runDirectory }: Settings): boolean {
  const file = join(runDirectory, "nodes", `${node}.json`);
  if (!existsSync(file)) return false;
  try {
    const { netns } = JSON.parse(readFileSync(file, "utf8")) as { netns?: unknown };
    return typeof netns === "string" && netns !== "";
  } catch {
    // Half written: whoever follows the folder reads it again, and says so.
    return false;
  }
}
