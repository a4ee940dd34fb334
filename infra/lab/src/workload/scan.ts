import { setTimeout as sleep } from "node:timers/promises";
import { lookup } from "node:dns/promises";
import { counted } from "./counts.ts";
import type { WorkloadCounts } from "./counts.ts";
import { probe } from "./probe.ts";
import type { ScanSpec } from "./spec.ts";

const SCAN_TIMEOUT_MS = 1000;

/** Tries every port of every target, one at a time, for ever. */
export async function scan(spec: ScanSpec, counts: WorkloadCounts): Promise<never> {
  const pairs = spec.targets.flatMap((target) => spec.ports.map((port) => ({ target, port })));
  for (let next = 0; ; next = (next + 1) % pairs.length) {
    const pair = pairs[next];
    /* oxlint-disable no-await-in-loop -- gently: one at a time */
    if (pair !== undefined) await counted(counts.scanned, () => tryOne(pair.target, pair.port));
    await sleep(spec.pauseMs * (0.5 + Math.random()));
    /* oxlint-enable no-await-in-loop */
  }
}

async function tryOne(target: string, port: number): Promise<void> {
  const { address } = await lookup(target);
  const result = await probe({ address, port, protocol: "TCP" }, SCAN_TIMEOUT_MS);
  if (!result.allowed) throw new Error(`${target}:${port}: ${result.answer}`);
}
