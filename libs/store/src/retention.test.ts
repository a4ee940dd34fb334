import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type EmbeddedStore, openEmbeddedStore } from "./embedded/embedded-store.ts";
import { defaultRetention, type Retention } from "./retention.ts";
import { flowBlock } from "./testing/flows.ts";
import { temporaryDirectory } from "./testing/temporary.ts";

const [minute, hour, day] = [60, 3600, 86_400];
const shorter: Retention = {
  ...defaultRetention,
  flowDays: 7,
  minuteDays: 14,
  hourDays: 60,
  dayDays: 365,
  eventDays: 20,
  ledgerDays: 10,
  deadLetterDays: 5,
};

interface Kept {
  table: string;
  /** A row is at the start of its step, seconds. */
  step: number;
  days: keyof Retention;
}

/** The tables that flows end up in. */
const tables: readonly Kept[] = [
  { table: "flows", step: 1, days: "flowDays" },
  { table: "edges_1m", step: minute, days: "minuteDays" },
  { table: "edges_1h", step: hour, days: "hourDays" },
  { table: "edges_1d", step: day, days: "dayDays" },
];

/** The others that forget. */
const smallTables: readonly Kept[] = [
  { table: "events", step: 1, days: "eventDays" },
  { table: "ledger", step: 1, days: "ledgerDays" },
  { table: "odometers", step: 1, days: "ledgerDays" },
  { table: "dead_letters", step: 1, days: "deadLetterDays" },
];

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeEach(async () => {
  folder = await temporaryDirectory();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

const nowSeconds = () => Math.floor(Date.now() / 1000);

/** Around every limit of both retentions: an hour to each side, a day, and more than a partition. */
function times(of: readonly Kept[]): number[] {
  const days = [defaultRetention, shorter].flatMap((kept) => of.map((one) => kept[one.days]));
  const around = [-40 * day, -2 * day, -hour, hour, 2 * day, 40 * day];
  const ages = [...new Set(days)].flatMap((count) => around.map((by) => count * day + by));
  return [hour, ...ages.filter((age) => age > 0)].map((age) => nowSeconds() - age);
}

const unique = (numbers: number[]) => [...new Set(numbers)].toSorted((a, b) => a - b);

const stored = async (store: EmbeddedStore, table: string) =>
  (
    await store.query<{ t: number }>(
      `SELECT DISTINCT toUnixTimestamp(time) AS t FROM ${table} ORDER BY t`,
    )
  ).map((row) => row.t);

/** Of `candidates` those in a partition of which some row is not `days` old at `now`. */
async function inLivePartitions(
  store: EmbeddedStore,
  table: string,
  candidates: number[],
  limit: number,
): Promise<number[]> {
  const [definition] = await store.query<{ partition_key: string }>(
    `SELECT partition_key FROM system.tables WHERE database = 'weir' AND name = '${table}'`,
  );
  const partitions = await store.query<{ t: number; p: string }>(
    `SELECT t, toString(${definition?.partition_key}) AS p
     FROM (SELECT arrayJoin([${candidates.join()}]) AS t, toDateTime(t, 'UTC') AS time)`,
  );
  const live = new Set(partitions.filter((row) => row.t > limit).map((row) => row.p));
  return unique(partitions.filter((row) => live.has(row.p)).map((row) => row.t));
}

async function expectKept(
  store: EmbeddedStore,
  { table, step, days }: Kept,
  retention: Retention,
  all: number[],
): Promise<void> {
  const before = nowSeconds();
  await store.command(`OPTIMIZE TABLE ${table} FINAL`);
  const rows = await stored(store, table);
  const inserted = unique(all.map((time) => time - (time % step)));
  const limit = (now: number) => now - retention[days] * day;

  const young = inserted.filter((time) => time > limit(nowSeconds()));
  const gone = inserted.filter((time) => !rows.includes(time));
  expect({ table, rows }).toEqual({ table, rows: expect.arrayContaining(young) });
  const keepable = await inLivePartitions(store, table, inserted, limit(before));
  expect({ table, rows: rows.filter((time) => !keepable.includes(time)) }).toEqual({
    table,
    rows: [],
  });
  expect({ table, gone: gone.length }).not.toEqual({ table, gone: 0 });
}

describe("retention", () => {
  it("drops every partition that is past its days, and not one row that is not", async () => {
    const directory = folder.path;
    const all = times(tables);
    for (const retention of [defaultRetention, shorter]) {
      await using store = await openEmbeddedStore({ directory, retention });
      await store.migrate();
      // One block of it, so that each partition is one part.
      const block = flowBlock(all.map((time) => ({ time: time * 1_000_000 })));
      await store.insertNative("flows", block, "retention");
      for (const table of tables) await expectKept(store, table, retention, all);
    }
  }, 120_000);

  it("of what is no flow is the same", async () => {
    const directory = folder.path;
    const all = times(smallTables);
    for (const retention of [defaultRetention, shorter]) {
      await using store = await openEmbeddedStore({ directory, retention });
      await store.migrate();
      for (const kept of smallTables) {
        const rows = `SELECT toDateTime(arrayJoin([${all.join()}]))`;
        await store.command(`INSERT INTO ${kept.table} (time) ${rows}`);
        await expectKept(store, kept, retention, all);
      }
    }
  }, 120_000);

  it("is of every table that has rows of a time", async () => {
    await using store = await openEmbeddedStore({ directory: folder.path });
    await store.migrate();
    const forgetting = await store.query<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = 'weir' AND create_table_query LIKE '% TTL %' ORDER BY name",
    );
    expect(forgetting.map(({ name }) => name)).toEqual(
      [...tables, ...smallTables].map(({ table }) => table).toSorted(),
    );
  });
});
