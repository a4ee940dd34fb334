import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChecked } from "./command.ts";

const STRIP = fileURLToPath(new URL("strip-program.ts", import.meta.url));
const DNS_SOURCE = fileURLToPath(new URL("dns/main.ts", import.meta.url));

/** Limits of a pod's process: a small heap, and no pool of compiler threads. */
export const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--max-old-space-size=32",
  "--max-semi-space-size=1",
  "--v8-pool-size=1",
];

/** Writes the workload as plain JavaScript into a folder of the lab; resolves to what to start. */
export async function writeProgram(directory: string): Promise<string> {
  const target = join(directory, "program");
  await runChecked(process.execPath, ["--disable-warning=ExperimentalWarning", STRIP, target]);
  return join(target, "main.mjs");
}

/** The DNS server is one process a lab and runs from its source. */
export function dnsProgram(): string {
  return DNS_SOURCE;
}
