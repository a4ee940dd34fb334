import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type EmbeddedStore, openEmbeddedStore, startEmbeddedHttpDoor } from "@weir/store";
import { result } from "./result.ts";
import type { Bench, Result } from "./result.ts";
import { worldOf } from "./store/cluster.ts";
import { jsonLines } from "./store/json.ts";
import { batchRows, fill, rowsPerHour, Spent, type Speed } from "./store/fill.ts";
import { batchesOf } from "./store/traffic.ts";

/** The baseline is slow: so many rows are enough of it. */
const baselineRows = 100_000;
const tables = ["flows", "edges_1m", "edges_1h", "edges_1d"];

/**
 * Blocks through the enricher into the tables and their roll-ups, for a minute without a pause and
 * on to the rows asked for, and what they take there. The baseline of `insert` is JSONEachRow over HTTP,
 * objects made into text as a plain client does, of rows of the same kind.
 */
export const store: Bench = {
  name: "store",
  about: "insert rows/s, bytes a flow and by column, roll-up ratio",
  async run({ quick, rows = quick ? 1_000_000 : 10_000_000, progress }) {
    const directory = mkdtempSync(join("/var/tmp", "weir-bench-store-"));
    const opened = await openEmbeddedStore({ directory });
    try {
      await opened.migrate();
      const baseline = await insertJson(opened);
      for (const table of tables) await opened.command(`TRUNCATE TABLE ${table}`);
      const filled = await fill(opened, { rows, seconds: quick ? 15 : 60, progress });
      progress("merging");
      for (const table of tables) await opened.command(`OPTIMIZE TABLE ${table} FINAL`);
      const { rowsPerSecond, rowsPerCoreSecond } = filled.sustained;
      const perCore = [rowsPerCoreSecond, "rows/s", baseline.rowsPerCoreSecond] as const;
      return [
        result("store", "insert", rowsPerSecond, "rows/s", baseline.rowsPerSecond),
        result("store", "insert-per-core", ...perCore),
        ...filled.growth,
        ...(await sizes(opened, filled.rows)),
      ];
    } finally {
      await opened.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

const trafficOf = (rows: number, seed: number) => {
  const to = Math.floor(Date.now() / 3_600_000) * 3_600_000_000;
  return { from: to - (rows / rowsPerHour) * 3_600_000_000, to, rows, seed };
};

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
  const parts = await opened.query<{ table: string; rows: number; bytes: number }>(
    `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
WHERE active AND database = currentDatabase() AND table IN (${tables.map((name) => `'${name}'`).join(", ")}) GROUP BY table`,
  );
  const of = (name: string) => {
    const found = parts.find((one) => one.table === name);
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
