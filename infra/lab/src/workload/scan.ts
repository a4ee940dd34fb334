import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { counted } from "./counts.ts";
import type { WorkloadCounts } from "./counts.ts";
import { probe } from "./probe.ts";
import type { ScanSpec } from "./spec.ts";

const SCAN_TIMEOUT_MS = 1000;

/** Tries every port of every target, one connection at a time, round after round. */
export async function scan(spec: ScanSpec, counts: WorkloadCounts): Promise<never> {
  const known = new Map<string, string>();
  for (;;) {
    for (const target of spec.targets) {
      const address = await addressOf(target, known);
      for (const port of address === undefined ? [] : spec.ports) {
        await counted(counts.scanned, () => tryOne(address ?? target, port));
        await sleep(spec.pauseMs * (0.5 + Math.random()));
      }
    }
    await sleep(spec.pauseMs);
  }
}

/** A name that was found once is remembered: a scanner does not depend on the name server's favour. */
async function addressOf(target: string, known: Map<string, string>): Promise<string | undefined> {
  if (isIP(target) !== 0) return target;
  try {
    const found = known.get(target) ?? (await lookup(target)).address;
    known.set(target, found);
    return found;
  } catch {
    return undefined;
  }
}

async function tryOne(address: string, port: number): Promise<void> {
  const result = await probe({ address, port, protocol: "TCP" }, SCAN_TIMEOUT_MS);
  if (!result.allowed) throw new Error(`${address}:${port}: ${result.answer}`);
}
