import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EmbeddedStore,
  FlowRows,
  openEmbeddedStore,
  startEmbeddedHttpDoor,
} from "@weir/store";
import { result } from "./result.ts";
import type { Bench, Result } from "./result.ts";
import { worldOf } from "./store/cluster.ts";
import { jsonLines } from "./store/json.ts";
import { appendBatch, batchesOf } from "./store/traffic.ts";

/** 20,000 pods of which each opens a connection every ten seconds, seen at both ends. */
const rowsPerHour = 14_000_000;
const batchRows = 100_000;
/** The baseline is slow: so many rows are enough of it. */
const baselineRows = 100_000;

/**
 * Blocks into the tables and their roll-ups, and what they take there. The baseline of `insert` is
 * JSONEachRow over HTTP, objects made into text as a plain client does, of rows of the same kind.
 */
export const store: Bench = {
  name: "store",
  about: "insert rows/s, bytes a flow and by column, roll-up ratio",
  async run({ quick, progress }) {
    const rows = Number(process.env["WEIR_BENCH_ROWS"] ?? (quick ? 1_000_000 : 20_000_000));
    const directory = mkdtempSync(join(tmpdir(), "weir-bench-store-"));
    const opened = await openEmbeddedStore({ directory });
    try {
      await opened.migrate();
      const baseline = await insertJson(opened);
      await opened.command("TRUNCATE TABLE flows");
      for (const table of ["edges_1m", "edges_1h", "edges_1d"])
        await opened.command(`TRUNCATE TABLE ${table}`);
      const insert = await insertNative(opened, rows, progress);
      progress("merging");
      for (const table of ["flows", "edges_1m", "edges_1h", "edges_1d"])
        await opened.command(`OPTIMIZE TABLE ${table} FINAL`);
      return [
        result("store", "insert", insert.rowsPerSecond, "rows/s", baseline.rowsPerSecond),
        result(
          "store",
          "insert-per-core",
          insert.rowsPerCoreSecond,
          "rows/s",
          baseline.rowsPerCoreSecond,
        ),
        ...(await sizes(opened, rows)),
      ];
    } finally {
      await opened.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

const trafficOf = (rows: number, seed: number) => {
  // The whole hours before this one; the end is fixed, so that parts are as full as they get.
  const to = Math.floor(Date.now() / 3_600_000) * 3_600_000_000;
  return { from: to - (rows / rowsPerHour) * 3_600_000_000, to, rows, seed };
};

interface Speed {
  rowsPerSecond: number;
  /** By the processor time of the whole process, merges included: what a busy machine changes least. */
  rowsPerCoreSecond: number;
}

/** A stopwatch that runs only while something is being inserted. */
class Spent {
  #ms = 0;
  #cpuMs = 0;

  async on(work: () => Promise<void>): Promise<void> {
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(cpu);
    this.#ms += performance.now() - began;
    this.#cpuMs += (user + system) / 1000;
  }

  speed(rows: number): Speed {
    return {
      rowsPerSecond: rows / (this.#ms / 1000),
      rowsPerCoreSecond: rows / (this.#cpuMs / 1000),
    };
  }
}

/** The writer and the engine together; making the flows does not count. */
async function insertNative(
  opened: EmbeddedStore,
  rows: number,
  progress: (text: string) => void,
): Promise<Speed> {
  const world = worldOf(1);
  const block = new FlowRows(batchRows + 1);
  const spent = new Spent();
  let done = 0;
  for (const batch of batchesOf(world, trafficOf(rows, 2), batchRows)) {
    await spent.on(async () => {
      appendBatch(block, batch);
      done += block.rows;
      await opened.insertNative("flows", block.encode(), `bench:${done}`);
      block.clear();
    });
    if (done % 1_000_000 < batchRows) progress(`${done} rows`);
  }
  return spent.speed(done);
}

async function insertJson(opened: EmbeddedStore): Promise<Speed> {
  await using door = await startEmbeddedHttpDoor(opened, { listen: "127.0.0.1:0" });
  const url = `${door.url}/?database=weir&query=${encodeURIComponent("INSERT INTO flows FORMAT JSONEachRow")}`;
  const spent = new Spent();
  let done = 0;
  for (const batch of batchesOf(worldOf(1), trafficOf(baselineRows, 3), batchRows)) {
    const objects = jsonLines(batch);
    await spent.on(async () => {
      const body = objects.map((row) => JSON.stringify(row)).join("\n");
      const response = await fetch(url, { method: "POST", body });
      if (!response.ok) throw new Error(`the baseline failed: ${await response.text()}`);
    });
    done += objects.length;
  }
  return spent.speed(done);
}

async function sizes(opened: EmbeddedStore, rows: number): Promise<Result[]> {
  const columns = await opened.query<{ column: string; bytes: number }>(
    `SELECT column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns
WHERE active AND database = currentDatabase() AND table = 'flows' GROUP BY column ORDER BY bytes DESC`,
  );
  const tables = await opened.query<{ table: string; rows: number; bytes: number }>(
    `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
WHERE active AND database = currentDatabase() AND table IN ('flows', 'edges_1m', 'edges_1h', 'edges_1d') GROUP BY table`,
  );
  const of = (name: string) => {
    const found = tables.find((one) => one.table === name);
    if (found === undefined) throw new Error(`${name} is empty`);
    return found;
  };
  const flows = of("flows");
  if (flows.rows < rows) throw new Error(`${flows.rows} of ${rows} rows are there`);
  const perRow = (bytes: number) => bytes / flows.rows;
  return [
    result("store", "bytes-per-flow", perRow(flows.bytes), "B", null),
    ...columns
      .slice(0, 5)
      .map((one) => result("store", `bytes-${one.column}`, perRow(one.bytes), "B", null)),
    ...["1m", "1h", "1d"].flatMap((size) => {
      const { rows: left, bytes } = of(`edges_${size}`);
      return [
        result("store", `rollup-${size}`, flows.rows / left, "ratio", null),
        result("store", `bytes-per-edge-${size}`, bytes / left, "B", null),
      ];
    }),
  ];
}
