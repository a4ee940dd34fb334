import { setTimeout as pause } from "node:timers/promises";
import { percentile, result } from "../result.ts";
import type { Result } from "../result.ts";
import type { CaptureBed } from "./bed.ts";
import { wideRing } from "./carrying.ts";
import type { CollectorUse } from "./collector-process.ts";
import type { Probed } from "./enricher-process.ts";
import type { Burst, Generated } from "@weir/test-load";
import type { Part } from "@weir/test-load";
import { cpuSecondsOf } from "@weir/test-load";

/** Ports of probes; those of the generated connections end below. */
const firstProbePort = 40_000;

/** Everything from the kernel to rows, each in a process of its own. */
export interface RowPath {
  bed: CaptureBed;
  collector: Part;
  enricher: Part;
  broker: { address: string; pid: number };
  /** What the generator had made before. */
  madeBefore: number;
}

interface Stored {
  rows: number;
  connections: number;
  packets: number;
}

async function stored({ enricher }: RowPath): Promise<Stored> {
  const [found] = await enricher.ask<Stored[]>(
    "query",
    `SELECT count() AS rows, sum(connections) AS connections, sum(packets) AS packets FROM flows`,
  );
  return found as Stored;
}

/** Processor time of each process, for shares of a core. */
type Spent = Record<"generator" | "collector" | "broker" | "enricher", number>;

async function spent({ bed, collector, enricher, broker }: RowPath): Promise<Spent> {
  return {
    generator: (await bed.generator.ask<Generated>("generated")).cpuSeconds,
    collector: (await collector.ask<CollectorUse>("use")).cpuSeconds,
    broker: cpuSecondsOf(broker.pid),
    enricher: cpuSecondsOf(enricher.pid),
  };
}

function shares(before: Spent, after: Spent, seconds: number): Spent {
  const share = (of: keyof Spent): number => (100 * (after[of] - before[of])) / seconds;
  return {
    generator: share("generator"),
    collector: share("collector"),
    broker: share("broker"),
    enricher: share("enricher"),
  };
}

/** Waits until the store has every connection that was made; throws where it never does. */
async function allStored(path: RowPath, timeoutMs: number): Promise<Stored> {
  const made = await path.bed.generator.ask<Generated>("generated");
  const expected = made.connections + made.probes - path.madeBefore;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const now = await stored(path);
    if (now.connections >= expected) {
      if (now.connections !== expected || now.packets !== 2 * expected)
        throw new Error(`${expected} connections were made, stored: ${JSON.stringify(now)}`);
      return now;
    }
    if (performance.now() > deadline) {
      const { lost } = await path.collector.ask<CollectorUse>("use");
      throw new Error(
        `${expected} connections were made, ${now.connections} are stored; ${JSON.stringify(lost)} lost`,
      );
    }
    await pause(100);
  }
}

/** Kernel to a row that a query gives, of probes at random moments beside so many flows a second. */
async function latency(
  path: RowPath,
  rate: number,
  probes: number,
  firstPort: number,
): Promise<{ ms: number[]; shares: Spent }> {
  const { generator } = path.bed;
  const spacingMs = 60;
  const seconds = 4 + (probes * spacingMs) / 1000 + 4;
  const before = await spent(path);
  const begun = performance.now();
  const burst = generator.ask<Burst>("generate", rate, seconds);
  await pause(4000);
  const ports: [number, number] = [firstPort, firstPort + probes];
  const watching = path.enricher.ask<Probed[]>("watch", ports, probes * spacingMs + 60_000);
  const sentMs = new Map<number, number>();
  for (let port = firstPort; port < firstPort + probes; port++) {
    await pause(2 * spacingMs * Math.random());
    sentMs.set(port, await generator.ask<number>("probe", port));
  }
  const seen = await watching;
  await burst;
  // Says what is missing, if anything is.
  await allStored(path, 60_000);
  if (seen.length < probes) throw new Error(`${seen.length} of ${probes} probes were seen in time`);
  const used = shares(before, await spent(path), (performance.now() - begun) / 1000);
  const ms = seen.map(({ port, seenMs }) => seenMs - (sentMs.get(port) ?? 0));
  return { ms, shares: used };
}

/**
 * More than can be stored, for so long; what was stored meanwhile is what these cores can do with
 * the generator beside. The spool takes the rest, and afterwards everything must be there.
 */
async function saturate(
  path: RowPath,
  rate: number,
  seconds: number,
): Promise<{ rowsPerSecond: number; burst: Burst; shares: Spent; catchUpSeconds: number }> {
  const burst = path.bed.generator.ask<Burst>("generate", rate, seconds);
  // Batches come by the second: the first ones are on their way.
  await pause(4000);
  const [from, before] = [await stored(path), await spent(path)];
  const begun = performance.now();
  const made = await burst;
  const [to, after] = [await stored(path), await spent(path)];
  const passed = (performance.now() - begun) / 1000;
  const ended = performance.now();
  await allStored(path, 120_000);
  return {
    rowsPerSecond: (to.rows - from.rows) / passed,
    burst: made,
    shares: shares(before, after, passed),
    catchUpSeconds: (performance.now() - ended) / 1000,
  };
}

const told = (used: Spent): string =>
  Object.entries(used)
    .map(([name, share]) => `${name} ${share.toFixed(0)}%`)
    .join(", ");

export async function measureRows(
  bed: CaptureBed,
  broker: { address: string; pid: number },
  quick: boolean,
  progress: (text: string) => void,
): Promise<Result[]> {
  await using enricher = await bed.enricher(broker.address);
  await using collector = await bed.collector(wideRing, broker.address);
  const before = await bed.generator.ask<Generated>("generated");
  const madeBefore = before.connections + before.probes;
  const path: RowPath = { bed, collector, enricher, broker, madeBefore };
  const results: Result[] = [];
  let port = firstProbePort;
  for (const rate of [10_000, 50_000]) {
    const probes = quick ? 40 : 200;
    const { ms, shares: used } = await latency(path, rate, probes, port);
    port += probes;
    const name = `kernel-to-row-${rate / 1000}k`;
    results.push(
      result("capture", `${name}-p50`, percentile(ms, 0.5), "ms", null),
      result("capture", `${name}-p99`, percentile(ms, 0.99), "ms", null),
    );
    progress(`${rate} flows/s: ${told(used)}`);
  }
  const {
    rowsPerSecond,
    burst,
    shares: used,
    catchUpSeconds,
  } = await saturate(path, 400_000, quick ? 12 : 30);
  const offered = burst.connections / burst.seconds;
  progress(
    `saturation: ${Math.round(offered)} flows/s offered, ${Math.round(rowsPerSecond)} stored, ${told(used)}, the rest in ${catchUpSeconds.toFixed(1)} s`,
  );
  results.push(result("capture", "saturation", rowsPerSecond, "flows/s", offered));
  for (const [name, share] of Object.entries(used))
    results.push(result("capture", `saturation-cpu-${name}`, share, "% of a core", null));
  return results;
}
