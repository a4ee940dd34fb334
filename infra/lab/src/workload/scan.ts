import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { counted } from "./counts.ts";
import type { WorkloadCounts } from "./counts.ts";
import { probe } from "./probe.ts";
import type { ScanSpec } from "./spec.ts";

const SCAN_TIMEOUT_MS = 1000;

/**
 * Tries every port of every target, one connection at a time, round after round. The order is a
 * new one each round: as scanners have it, and so that addresses where nobody is do not follow one
 * another for long.
 */
export async function scan(spec: ScanSpec, counts: WorkloadCounts): Promise<never> {
  const known = new Map<string, string>();
  const tries = spec.targets.flatMap((target) => spec.ports.map((port) => ({ target, port })));
  for (;;) {
    for (const { target, port } of shuffled(tries)) {
      const address = await addressOf(target, known);
      if (address === undefined) continue;
      await counted(counts.scanned, () => tryOne(address, port));
      await sleep(spec.pauseMs * (0.5 + Math.random()));
    }
    await sleep(spec.pauseMs);
  }
}

/** A copy in random order (Fisher and Yates). */
function shuffled<T>(items: readonly T[]): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
  }
  return mixed;
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
