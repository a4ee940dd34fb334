import { setTimeout as pause } from "node:timers/promises";
import type { EmbeddedStore } from "@weir/store";
import { type Result, result } from "../result.ts";
import { recordedBlock, type RecordedBlock } from "./blocks.ts";
import { type World, worldOf } from "./cluster.ts";
import { startEnriching } from "./enriching.ts";
import { batchesOf } from "./traffic.ts";

/** 20,000 pods of which each opens a connection every ten seconds, seen at both ends. */
export const rowsPerHour = 14_000_000;
/** Of which every node has a block. */
export const batchRows = 100_000;
/** Rows that are made before the clock runs, and come again in later blocks. */
const distinctRows = 1_000_000;

export interface Speed {
  rowsPerSecond: number;
  /** By the processor time of the whole process, merges included: what a busy machine changes least. */
  rowsPerCoreSecond: number;
}

/** A stopwatch that runs only while something is being inserted. */
export class Spent {
  #ms = 0;
  #cpuMs = 0;

  async on(work: () => Promise<void>): Promise<void> {
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(cpu);
    this.#ms += performance.now() - began;
    this.#cpuMs += (user + system) / 1000;
  }

  get seconds(): number {
    return this.#ms / 1000;
  }

  speed(rows: number): Speed {
    return {
      rowsPerSecond: rows / (this.#ms / 1000),
      rowsPerCoreSecond: rows / (this.#cpuMs / 1000),
    };
  }
}

interface Fill {
  rows: number;
  /** Of inserting without a pause. */
  seconds: number;
  progress: (text: string) => void;
}

/** Longest that nothing new may be stored. */
const stalledMs = 60_000;
const lookEveryMs = 50;

/**
 * Blocks of the last hours before this one through the enricher, until both the rows and the
 * seconds are reached: read, given their names, made into columns, inserted; merges go on beside
 * and count. What it takes to make the blocks is taken off the processor time.
 */
export async function fill(
  opened: EmbeddedStore,
  { rows, seconds, progress }: Fill,
): Promise<{ rows: number; sustained: Speed; growth: Result[] }> {
  progress("making rows");
  const world = worldOf(1);
  const { blocks, lapUs } = blocksOf(world, rows, seconds);
  await using enriching = await startEnriching(opened, world, blocks, lapUs);
  const cpuMs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000 - enriching.feedingCpuMs;
  };
  const look = async () => ({
    rows: await enriching.stored(),
    ms: performance.now(),
    cpuMs: cpuMs(),
  });
  const growth: Result[] = [];
  const begun = await look();
  let [now, decade, told, moved] = [begun, begun, begun, begun];
  let sustained: Speed | undefined;
  for (let next = 1_000_000; sustained === undefined || now.rows < rows;) {
    await pause(lookEveryMs);
    now = await look();
    if (now.rows > moved.rows) moved = now;
    else if (now.ms - moved.ms > stalledMs) throw new Error(`still ${now.rows} rows`);
    if (sustained === undefined && now.ms - begun.ms >= seconds * 1000)
      sustained = speedBetween(begun, now);
    if (now.rows - told.rows >= 1_000_000) {
      const { rowsPerSecond, rowsPerCoreSecond } = speedBetween(told, now);
      const [all, core] = [rowsPerSecond, rowsPerCoreSecond].map((one) => Math.round(one / 1000));
      progress(`${now.rows} rows, ${all}k rows/s, ${core}k of one core`);
      told = now;
    }
    if (now.rows < next || next > rows) continue;
    growth.push(...(await grownTo(opened, next, now.rows, speedBetween(decade, now))));
    [decade, next] = [now, next * 10];
  }
  return { rows: await enriching.finish(), sustained, growth };
}

interface Look {
  rows: number;
  ms: number;
  cpuMs: number;
}

function speedBetween(from: Look, to: Look): Speed {
  const rows = to.rows - from.rows;
  return {
    rowsPerSecond: rows / ((to.ms - from.ms) / 1000),
    rowsPerCoreSecond: rows / ((to.cpuMs - from.cpuMs) / 1000),
  };
}

/** Blocks of the hours that end with this one, at the speed that a cluster makes them. */
function blocksOf(
  world: World,
  rows: number,
  seconds: number,
): { blocks: RecordedBlock[]; lapUs: number } {
  const hourUs = 3_600_000_000;
  const lapUs = Math.round((distinctRows / rowsPerHour) * hourUs);
  // Faster than that no machine is; and no row lies in the future.
  const most = Math.max(rows, seconds * 1_000_000) + 2 * distinctRows;
  const from = Math.floor(Date.now() / 3_600_000) * hourUs - (most / rowsPerHour) * hourUs;
  const traffic = { from, to: from + lapUs, rows: distinctRows, seed: 2 };
  const batches = [...batchesOf(world, traffic, batchRows)];
  return { blocks: batches.flatMap((batch) => batch.map(recordedBlock)), lapUs };
}

/** What the rows since the last power of ten cost, and what all of them take before a last merge. */
async function grownTo(
  opened: EmbeddedStore,
  size: number,
  rows: number,
  speed: Speed,
): Promise<Result[]> {
  const [stored] = await opened.query<{ bytes: number; parts: number }>(
    `SELECT sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'flows'`,
  );
  const at = `at-${size / 1_000_000}M`;
  return [
    result("store", `insert-per-core-${at}`, speed.rowsPerCoreSecond, "rows/s", null),
    result("store", `bytes-per-flow-${at}`, (stored?.bytes ?? 0) / rows, "B", null),
    result("store", `parts-${at}`, stored?.parts ?? 0, "parts", null),
  ];
}
