import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { CollectorConfigInput } from "@weir/collector";
import { result } from "../result.ts";
import type { Result } from "../result.ts";
import type { Baseline } from "./baseline.ts";
import type { CaptureBed } from "./bed.ts";
import type { CollectorUse } from "./collector-process.ts";
import type { Burst } from "@weir/test-load";
import type { Part } from "@weir/test-load";

/** One interface makes what a node's many would: it may have the whole ring. */
export const unbudgeted = { edgeRate: 100_000_000, edgeBurst: 1 << 24 };

/** Room for what a generator that never pauses makes while a shared processor is somebody else's. */
export const wideRing = { ...unbudgeted, ringBytes: 64 << 20 };

/** Room for all of it, on a real disk: nothing is taken from this spool. */
function onDisk({ directory }: CaptureBed): CollectorConfigInput {
  return { spoolDirectory: join(directory, "spool"), spoolMaxBytes: 2 ** 31 };
}

export interface Carried {
  burst: Burst;
  /** Records of the ring, one for each connection. */
  edges: number;
  cpuSeconds: number;
  mostRssMiB: number;
}

/**
 * What a collector uses for so many connections a second (0: as many as can be made). Refuses to
 * give a number where something is missing: each connection is one event.
 */
export async function carry(
  bed: CaptureBed,
  collector: Part,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Carried> {
  // The first blocks compile; they are nobody's cost.
  await bed.generator.ask("generate", rate || 50_000, 2);
  await settled(collector);
  const before = await collector.ask<CollectorUse>("use");
  const burst = await bed.generator.ask<Burst>("generate", rate, seconds);
  const after = await arrived(collector, before, burst.connections);
  return {
    burst,
    edges: after.edges - before.edges,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    mostRssMiB: after.mostRssMiB,
  };
}

/** Records past the last station that was given. */
function toldOf(use: CollectorUse): number {
  return use.isSending ? use.sentRecords : use.spooledRecords;
}

/** Waits until all connections are told, those too that a full ring left to the sweep. */
async function arrived(
  collector: Part,
  before: CollectorUse,
  connections: number,
): Promise<CollectorUse> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const now = await collector.ask<CollectorUse>("use");
    const told = toldOf(now) - toldOf(before) + now.merged - before.merged;
    if (told >= connections) return now;
    if (performance.now() > deadline) {
      const lost = JSON.stringify(now.lost);
      throw new Error(`${connections} connections were made, ${told} are told; lost: ${lost}`);
    }
    await pause(50);
  }
}

/** Waits until nothing comes any more. */
async function settled(collector: Part): Promise<void> {
  let last = -1;
  for (let still = 0; still < 3;) {
    const told = toldOf(await collector.ask<CollectorUse>("use"));
    still = told === last ? still + 1 : 0;
    last = told;
    await pause(500);
  }
}

export async function measureCarrying(
  bed: CaptureBed,
  broker: string,
  plain: Baseline,
  quick: boolean,
  progress: (text: string) => void,
): Promise<Result[]> {
  const seconds = quick ? 4 : 15;
  const perCore = ({ edges, cpuSeconds }: Carried): number => edges / cpuSeconds;
  const told = (what: string, carried: Carried): Carried => {
    const { edges, burst, cpuSeconds } = carried;
    const rate = Math.round(edges / burst.seconds);
    const perCoreK = Math.round(edges / cpuSeconds / 1000);
    progress(
      `${what}: ${perCoreK}k events/s of one core at ${rate} events/s, ${((100 * cpuSeconds) / burst.seconds).toFixed(1)}% of a core`,
    );
    return carried;
  };
  const measure = async (
    what: string,
    rate: number,
    settings: Parameters<CaptureBed["collector"]>[0],
    to?: string,
    by?: "platformatic",
  ): Promise<Carried> => {
    await using collector = await bed.collector(settings, to, by);
    return told(what, await carry(bed, collector, { rate, seconds }));
  };
  const spool = await measure("ring to spool", 0, { ...wideRing, ...onDisk(bed) });
  const sent = await measure("ring to broker", 0, wideRing, broker);
  const otherwise = await measure("by platformatic", 0, wideRing, broker, "platformatic");
  const paced = await measure("200,000 events/s", 200_000, unbudgeted, broker);
  return [
    result("capture", "ring-to-spool", perCore(spool), "events/s", plain.toSpool),
    result("capture", "ring-to-broker", perCore(sent), "events/s", plain.toBroker),
    result("capture", "ring-to-broker-platformatic", perCore(otherwise), "events/s", perCore(sent)),
    result(
      "capture",
      "cpu-at-200k",
      (100 * paced.cpuSeconds) / paced.burst.seconds,
      "% of a core",
      null,
    ),
    result("capture", "rss", paced.mostRssMiB, "MiB", null),
  ];
}
