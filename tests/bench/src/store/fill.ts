import type { FlowColumns } from "@weir/codec";
import { type EmbeddedStore, FlowRows } from "@weir/store";
import { type Result, result } from "../result.ts";
import { worldOf } from "./cluster.ts";
import { appendBatch, batchesOf } from "./traffic.ts";

/** 20,000 pods of which each opens a connection every ten seconds, seen at both ends. */
export const rowsPerHour = 14_000_000;
/** As the enricher inserts them. */
export const batchRows = 100_000;
/** Rows that are made before the clock runs, and come again with later times. */
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

/**
 * Inserts until both the rows and the seconds are reached. The next block is made while the engine
 * has the last one, as in the enricher; merges go on beside and count.
 */
export async function fill(
  opened: EmbeddedStore,
  { rows, seconds, progress }: Fill,
): Promise<{ rows: number; sustained: Speed; growth: Result[] }> {
  progress("making rows");
  const blocks = encodedBlocks(rows, seconds);
  const [whole, decade] = [new Spent(), { spent: new Spent(), rows: 0 }];
  const growth: Result[] = [];
  let done = 0;
  let sustained: Speed | undefined;
  let next = 1_000_000;
  let making = blocks.next().value;
  while (sustained === undefined || done < rows) {
    const step = async () => {
      const inserted = opened.insertNative("flows", making, `bench:${done}`);
      making = blocks.next().value;
      await inserted;
    };
    await whole.on(() => decade.spent.on(step));
    done += batchRows;
    if (sustained === undefined && whole.seconds >= seconds) sustained = whole.speed(done);
    if (done % 1_000_000 === 0) progress(`${done} rows, ${Math.round(whole.seconds)} s`);
    if (done < next || done > rows) continue;
    growth.push(...(await grownTo(opened, done, decade.spent.speed(done - decade.rows))));
    [decade.spent, decade.rows, next] = [new Spent(), done, next * 10];
  }
  return { rows: done, sustained, growth };
}

/** Native blocks of the last hours before this one, without end: the same connections ever later. */
function* encodedBlocks(rows: number, seconds: number): Generator<Uint8Array, never> {
  const hourUs = 3_600_000_000;
  const lengthUs = BigInt(Math.round((distinctRows / rowsPerHour) * hourUs));
  // Faster than that no machine is; and no row lies in the future.
  const most = Math.max(rows, seconds * 1_000_000) + distinctRows;
  const from = Math.floor(Date.now() / 3_600_000) * hourUs - (most / rowsPerHour) * hourUs;
  const traffic = { from, to: from + Number(lengthUs), rows: distinctRows, seed: 2 };
  const batches = [...batchesOf(worldOf(1), traffic, batchRows)];
  const block = new FlowRows(batchRows + 1);
  for (;;) {
    for (const batch of batches) {
      appendBatch(block, batch);
      yield block.encode();
      block.clear();
      for (const { columns } of batch) later(columns, lengthUs);
    }
  }
}

function later({ words, time }: FlowColumns, byUs: bigint): void {
  for (const column of [words.time, words.first, words.last])
    for (let at = 0; at < column.length; at++) column[at] = (column[at] ?? 0n) + byUs;
  for (let at = 0; at < time.length; at++) time[at] = (time[at] ?? 0) + Number(byUs);
}

/** What the rows since the last power of ten cost, and what all of them take before a last merge. */
async function grownTo(opened: EmbeddedStore, rows: number, speed: Speed): Promise<Result[]> {
  const [size] = await opened.query<{ bytes: number; parts: number }>(
    `SELECT sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'flows'`,
  );
  const at = `at-${rows / 1_000_000}M`;
  return [
    result("store", `insert-per-core-${at}`, speed.rowsPerCoreSecond, "rows/s", null),
    result("store", `bytes-per-flow-${at}`, (size?.bytes ?? 0) / rows, "B", null),
    result("store", `parts-${at}`, size?.parts ?? 0, "parts", null),
  ];
}
