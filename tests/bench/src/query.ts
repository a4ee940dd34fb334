import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Statement } from "@weir/query";
import {
  type EmbeddedStore,
  encodeRows,
  FlowRows,
  openEmbeddedStore,
  workloadRecords,
} from "@weir/store";
import { percentile, result } from "./result.ts";
import type { Bench, Result } from "./result.ts";
import { type World, worldOf } from "./store/cluster.ts";
import { type Asked, questionsOf } from "./store/questions.ts";
import { appendBatch, batchesOf } from "./store/traffic.ts";

const batchRows = 100_000;
const day = 86_400_000_000;

/**
 * The questions that people ask, over 30 days. Cold: the engine's own caches are dropped before
 * each asking; the machine's page cache is not, other processes live by it. The baseline of
 * dashboard-p95 are the same questions asked of the flows alone.
 */
export const query: Bench = {
  name: "query",
  about: "the ten questions that people ask, p50 and p95, warm and cold",
  async run({ quick, rows = quick ? 1_000_000 : 10_000_000, progress }) {
    const now = Date.now() * 1000;
    const directory = mkdtempSync(join("/var/tmp", "weir-bench-query-"));
    const opened = await openEmbeddedStore({ directory });
    try {
      await opened.migrate();
      const world = worldOf(1);
      await fillKnowledge(opened, world, now);
      const results: Result[] = [];
      let done = 0;
      for (const size of sizesUpTo(rows)) {
        await fill(opened, world, { now, rows: size - done, seed: size }, progress);
        done = size;
        progress(`asking ${done} rows`);
        const last = size === rows;
        const answers = await ask(opened, questionsOf(world, now), quick || !last ? 10 : 20);
        results.push(...(last ? answers : summaryAt(answers, size)));
      }
      return results;
    } finally {
      await opened.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** Powers of ten from a million on, and what was asked for. */
function sizesUpTo(rows: number): number[] {
  const powers = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
  return [...powers.filter((size) => size < rows), rows];
}

/** The first four: of all dashboards and of all needles. */
function summaryAt(results: readonly Result[], rows: number): Result[] {
  return results
    .slice(0, 4)
    .map((one) => ({ ...one, case: `${one.case}-at-${rows / 1_000_000}M` }));
}

interface Filling {
  now: number;
  rows: number;
  seed: number;
}

async function fill(
  opened: EmbeddedStore,
  world: World,
  { now, rows, seed }: Filling,
  progress: (text: string) => void,
): Promise<void> {
  const block = new FlowRows(batchRows + 1);
  // Not to the end of retention: what is older than 30 days would be dropped while it is merged.
  const traffic = { from: now - 30 * day + 3_600_000_000, to: now, rows, seed };
  let done = 0;
  for (const batch of batchesOf(world, traffic, batchRows)) {
    appendBatch(block, batch);
    done += block.rows;
    await opened.insertNative("flows", block.encode(), `bench:${seed}:${done}`);
    block.clear();
    if (done % 1_000_000 < batchRows) progress(`${done} of ${rows} rows`);
  }
}

async function fillKnowledge(opened: EmbeddedStore, world: World, now: number): Promise<void> {
  await opened.insertNative(
    workloadRecords.name,
    encodeRows(
      workloadRecords,
      world.pods.map(({ party, address }, at) => ({
        kind: "pod" as const,
        namespace: party.namespace,
        name: party.pod,
        uid: `uid-${at}`,
        workload: party.workload,
        workload_kind: "Deployment",
        node: "node-1",
        addresses: [address],
        labels: { app: party.workload },
        namespace_labels: {},
        host_network: false,
        ports: [],
        since: now - 40 * day,
        until: null,
        recorded: now - 40 * day,
      })),
    ),
    "bench:workloads",
  );
  // A hundred generations of 2,000 texts.
  await opened.command(`INSERT INTO policy_generations (generation, revision, mode, valid_from)
SELECT number + 1, number + 1, 'enforce', fromUnixTimestamp64Micro(${now - 30 * day}) + toIntervalHour(number * 7) FROM numbers(100)`);
  await opened.command(`INSERT INTO policy_versions (namespace, name, generation, deleted, text)
SELECT concat('team-', toString(number % 100)), concat('service-', toString(number)), 1 + number % 100, 0, repeat('text ', 100) FROM numbers(2000)`);
}

async function ask(opened: EmbeddedStore, questions: Asked[], rounds: number): Promise<Result[]> {
  const warm: Record<Asked["kind"], number[]> = { dashboard: [], needle: [] };
  const cold: Record<Asked["kind"], number[]> = { dashboard: [], needle: [] };
  const fromRaw: number[] = [];
  const results: Result[] = [];
  for (const { name, kind, statement, raw } of questions) {
    // The first asking compiles and loads what every later one finds.
    await timed(opened, statement(0));
    const times: number[] = [];
    const coldTimes: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      times.push(await timed(opened, statement(round)));
      if (raw !== undefined && round <= 5) fromRaw.push(await timed(opened, raw(round)));
      await dropCaches(opened);
      coldTimes.push(await timed(opened, statement(round)));
    }
    warm[kind].push(...times);
    cold[kind].push(...coldTimes);
    results.push(
      result("query", `${name}-p50`, percentile(times, 0.5), "ms", null),
      result("query", `${name}-p95`, percentile(times, 0.95), "ms", null),
      result("query", `${name}-cold-p50`, percentile(coldTimes, 0.5), "ms", null),
      result("query", `${name}-cold-p95`, percentile(coldTimes, 0.95), "ms", null),
    );
  }
  const baseline = percentile(fromRaw, 0.95);
  return [
    result("query", "dashboard-p95", percentile(warm.dashboard, 0.95), "ms", baseline),
    result("query", "dashboard-cold-p95", percentile(cold.dashboard, 0.95), "ms", baseline),
    result("query", "needle-p95", percentile(warm.needle, 0.95), "ms", null),
    result("query", "needle-cold-p95", percentile(cold.needle, 0.95), "ms", null),
    ...results,
  ];
}

async function timed(opened: EmbeddedStore, { sql, parameters }: Statement): Promise<number> {
  const began = performance.now();
  try {
    await opened.query(sql, { parameters });
  } catch (cause) {
    throw new Error(`no answer to ${sql}`, { cause });
  }
  return performance.now() - began;
}

async function dropCaches(opened: EmbeddedStore): Promise<void> {
  for (const cache of [
    "MARK CACHE",
    "UNCOMPRESSED CACHE",
    "INDEX MARK CACHE",
    "PRIMARY INDEX CACHE",
    "QUERY CONDITION CACHE",
  ])
    await opened.command(`SYSTEM DROP ${cache}`);
}
