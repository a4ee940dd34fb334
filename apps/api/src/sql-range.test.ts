import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { sqlRange } from "./sql-range.ts";
import type { Completeness } from "./answers.ts";
import { type Bed, openBed } from "./testing.ts";

let bed: Bed;
/** A Wednesday. */
const now = Date.parse("2026-03-04T10:20:30Z");
const day = 86_400_000;

beforeAll(async () => {
  bed = await openBed();
  // No merges: rows of then would be dropped as too old.
  await bed.store.command("SYSTEM STOP TTL MERGES flows");
  await bed.store.command(`INSERT INTO flows (time, start, last, node, bytes)
    SELECT toDateTime64('2026-03-01 00:00:00', 6, 'UTC') + number * 317 AS at, at, at, 'n1', number FROM numbers(1500)`);
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

const rangeOf = (sql: string, store: Pick<Bed["store"], "query" | "queryReadOnly"> = bed.store) =>
  sqlRange(store, sql, now, new AbortController().signal);
/** `03-04 10:00:00/03-04 11:00:00`; * where there is no bound. */
async function shown(sql: string, zone = "UTC"): Promise<string> {
  const range = await rangeOf(sql, {
    query: async <Row>() => [{ zone }] as Row[],
    queryReadOnly: (...asked) => bed.store.queryReadOnly(...asked),
  });
  if (range === undefined) return "none";
  const text = (micros: number | undefined): string =>
    micros === undefined
      ? "*"
      : new Date(Math.round(micros / 1000)).toISOString().slice(5, 19).replace("T", " ");
  return `${text(range.since)}/${text(range.until)}`;
}
const where = (condition: string): string => `SELECT count() FROM flows WHERE ${condition}`;

describe("the range of a statement", () => {
  it.each([
    [
      "time >= '2026-03-04 10:00:00' AND time < '2026-03-04 11:00:00'",
      "03-04 10:00:00/03-04 11:00:00",
    ],
    [
      "time BETWEEN '2026-03-03' AND '2026-03-03T12:00:00Z' AND bytes > 1",
      "03-03 00:00:00/03-03 12:00:00",
    ],
    ["time > now() - INTERVAL 1 HOUR", "03-04 09:20:30/*"],
    ["now64(6) - toIntervalDay(2) < time and node = 'n1'", "03-02 10:20:30/*"],
    ["time > now() - 90", "03-04 10:19:00/*"],
    ["time >= subtractHours(now(), 3)", "03-04 07:20:30/*"],
    ["time >= today() - 1 AND time < today()", "03-03 00:00:00/03-04 00:00:00"],
    ["time >= now() - INTERVAL 1 MONTH", "02-04 10:20:30/*"],
    ["time >= toDate('2026-03-31') - INTERVAL 1 MONTH", "02-28 00:00:00/*"],
    ["toDate(time) = yesterday()", "03-03 00:00:00/03-04 00:00:00"],
    ["toStartOfHour(time) <= toDateTime('2026-03-04 09:00:00', 'UTC')", "*/03-04 10:00:00"],
    ["time > toStartOfHour(now())", "03-04 10:00:00/*"],
    ["time > '2026-03-01'::Date", "03-01 00:00:00/*"],
    [
      "(time > '2026-03-01' AND time < '2026-03-02') OR time = '2026-03-03 01:00:00'",
      "03-01 00:00:00/03-03 01:00:00",
    ],
    // Where one way leads around it, there is no bound.
    ["time > '2026-03-01' OR bytes = 1", "*/*"],
    ["NOT time < '2026-03-01'", "*/*"],
    ["time > (SELECT max(time) - 60 FROM flows)", "*/*"],
    ["time > '2026-03-01' AND 1 IN flows", "*/*"],
    ["time > toDateTime('2026-03-01 00:00:00', 'Asia/Tokyo')", "*/*"],
    ["start > '2026-03-01'", "*/*"],
    ["time > '2026-03-01' QUALIFY row_number() OVER (ORDER BY time) = 1", "*/*"],
    ["time > '2026-03-01' AND node = 'a\\n   Function less (children 1)'", "03-01 00:00:00/*"],
  ])("WHERE %s is %s", async (condition, expected) => {
    expect(await shown(where(condition))).toBe(expected);
  });

  it.each([
    ["SELECT 1", "none"],
    ["SELECT * FROM events WHERE text = 'flows'", "none"],
    ["SELECT * FROM flows", "*/*"],
    ["SELECT * FROM flows ORDER BY time DESC LIMIT 3", "*/*"],
    [
      "SELECT * FROM flows PREWHERE time > '2026-03-01' WHERE time < '2026-03-02'",
      "03-01 00:00:00/03-02 00:00:00",
    ],
    ["SELECT toStartOfDay(time) AS time FROM flows WHERE time < '2026-03-02'", "*/*"],
    // The last hour that begins before then ends later.
    [
      "SELECT * FROM edges_1h WHERE time >= '2026-03-01 10:00:00' AND time < '2026-03-01 12:00:00'",
      "03-01 10:00:00/03-01 13:00:00",
    ],
    [
      "SELECT * FROM (SELECT * FROM flows WHERE time > '2026-03-02') WHERE time > '2026-03-03'",
      "03-02 00:00:00/*",
    ],
    [
      "WITH '2026-03-02' AS since SELECT * FROM flows AS f WHERE f.time > since",
      "03-02 00:00:00/*",
    ],
    [
      "WITH a AS (SELECT * FROM flows WHERE time > '2026-03-02') SELECT * FROM a, (SELECT 1 FROM edges_1m WHERE time > '2026-03-01')",
      "03-01 00:00:00/*",
    ],
    ["SELECT * FROM flows WHERE time > '2026-03-02' UNION ALL SELECT * FROM flows", "*/*"],
    [
      "SELECT 1 FROM flows AS f JOIN policies AS p ON p.generation = f.generation WHERE f.time > '2026-03-02'",
      "03-02 00:00:00/*",
    ],
    [
      "SELECT 1 FROM flows AS f JOIN events AS e ON e.node = f.node WHERE e.time > '2026-03-02'",
      "*/*",
    ],
    [
      "SELECT 1 FROM events AS e LEFT ANY JOIN flows AS f ON e.node = f.node WHERE f.time > '2026-03-02'",
      "*/*",
    ],
    [
      "SELECT 1 FROM events AS e LEFT JOIN flows AS f ON e.node = f.node WHERE f.time < '2026-03-02'",
      "*/*",
    ],
    [
      "SELECT * FROM connections(since = '2026-03-01T00:00:00Z', until = '2026-03-01T01:00:00Z')",
      "03-01 00:00:00/03-01 01:00:00",
    ],
    ["SELECT * FROM flow_policies WHERE time >= '2026-03-01'", "03-01 00:00:00/*"],
    ["SELEC 1 FROM flows", "*/*"],
  ])("%s is %s", async (sql, expected) => {
    expect(await shown(sql)).toBe(expected);
  });

  it("does not guess where the engine has another zone", async () => {
    expect(await shown(where("time >= today()"), "Asia/Tokyo")).toBe("*/*");
    expect(await shown(where("time > toDateTime('2026-03-01 00:00:00')"), "Asia/Tokyo")).toBe(
      "*/*",
    );
    // The column's zone is its own, and an hour ago is an hour ago.
    expect(await shown(where("time > '2026-03-01'"), "Asia/Tokyo")).toBe("03-01 00:00:00/*");
    expect(await shown(where("time > now() - INTERVAL 1 HOUR"), "Asia/Tokyo")).toBe(
      "03-04 09:20:30/*",
    );
  });

  it("holds every row that the statement reads", async () => {
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
    const seed = Date.now() % 2 ** 31;
    let state = seed;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const moment = (): string => {
      const at = new Date(now - Math.floor(random() * 5 * day)).toISOString().slice(0, 19);
      return pick([
        `'${at.replace("T", " ")}'`,
        `toDateTime('${at.replace("T", " ")}', 'UTC')`,
        `toDate('${at.slice(0, 10)}')`,
        `toDateTime64('${at.slice(0, 10)} 03:00:00', 6, 'UTC') + INTERVAL ${Math.floor(random() * 90)} MINUTE`,
      ]);
    };
    const column = (): string =>
      pick([
        "time",
        "time",
        "flows.time",
        "toDate(time)",
        "toStartOfHour(time)",
        "toDateTime(time)",
      ]);
    const condition = (depth: number): string => {
      if (depth > 0 && random() < 0.6)
        return `(${condition(depth - 1)} ${pick(["AND", "AND", "OR"])} ${condition(depth - 1)})`;
      if (random() < 0.15) return `NOT ${condition(0)}`;
      if (random() < 0.1) return "bytes % 3 = 0";
      if (random() < 0.2) return `${column()} BETWEEN ${moment()} AND ${moment()}`;
      const [left, right] = [column(), moment()];
      const [one, other] = random() < 0.5 ? [left, right] : [right, left];
      return `${one} ${pick(["<", "<=", ">", ">=", "="])} ${other}`;
    };
    let bounded = 0;
    for (let round = 0; round < 150; round++) {
      const asked = condition(3);
      const range = await rangeOf(where(asked));
      if (range?.since === undefined && range?.until === undefined) continue;
      bounded++;
      const [found] = await bed.store
        .query<{ n: number; first: number; last: number }>(
          `SELECT count() AS n, toUnixTimestamp64Micro(min(flows.time)) AS first, toUnixTimestamp64Micro(max(flows.time)) AS last FROM flows WHERE ${asked}`,
        )
        // Not all of it can be compared.
        .catch(() => []);
      if (found === undefined || found.n === 0) continue;
      const isWithin =
        found.first >= (range.since ?? 0) && found.last < (range.until ?? Number.MAX_SAFE_INTEGER);
      expect({ seed, asked, range, found, isWithin }).toMatchObject({ isWithin: true });
    }
    expect(bounded).toBeGreaterThan(20);
  }, 60_000);
});

describe("the verdict of SQL", () => {
  const verdictOf = async (query: string): Promise<Completeness | undefined> => {
    const header = (await bed.post("/v1/sql", { query })).headers.get("weir-completeness");
    return header === null ? undefined : (JSON.parse(header) as Completeness);
  };

  it("is of the range that the statement asks about, and says when that is all that is kept", async () => {
    const bounds = "time >= now() - INTERVAL 2 HOUR AND time < now() - INTERVAL 1 HOUR";
    const asked = await verdictOf(`SELECT count() FROM flows WHERE ${bounds}`);
    const seconds = (Date.parse(asked?.to ?? "") - Date.parse(asked?.from ?? "")) / 1000;
    // In whole seconds, outwards.
    expect([3600, 3601]).toContain(seconds);
    expect(asked).not.toHaveProperty("sinceAlways");
    expect(await verdictOf("SELECT count() FROM flows")).toMatchObject({ sinceAlways: true });
    expect(await verdictOf("SELECT count() FROM events WHERE text = 'flows'")).toBeUndefined();
  });
});
