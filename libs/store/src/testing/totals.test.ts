import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { fields, parseFilter, totalsQuery, type TotalsQuestion, type TotalsRow } from "@weir/query";
import type { Store } from "../contract.ts";
import { openTestStore } from "./engine.ts";
import { flowBlock, type TestFlow } from "./flows.ts";
import { randomNumbers } from "./random.ts";
import { temporaryDirectory } from "./temporary.ts";

// Whatever tables a question is answered from, the answer is that of the flows themselves.

const second = 1_000_000;
const [minute, hour, day] = [60 * second, 3600 * second, 86_400 * second];
const start = Math.floor((Date.now() * 1000) / day) * day - 4 * day;
const random = randomNumbers(4);
const pick = <T>(from: readonly T[]) => from[random(from.length)] as T;
let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openTestStore(folder.path);
  await store.migrate();
  // Three days, in three blocks whose times overlap: late data are in the right rows too.
  for (let block = 0; block < 3; block++) {
    const flows = Array.from({ length: 2000 }, () => randomFlow());
    await store.insertNative("flows", flowBlock(flows), `totals:${block}`);
  }
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

function randomFlow(): TestFlow {
  const end = () => ({
    kind: pick(["pod", "pod", "node", ""]),
    namespace: pick(["shop", "pay"]),
    workload: pick(["a", "b", "c"]),
    pod: pick(["a-1", "b-1"]),
    port: pick([80, 443, 5432]),
  });
  // Some at the very start of a minute, an hour or a day.
  const unit = pick([1, 1, minute, hour, day]);
  return {
    time: start + Math.floor((random(3 * 86_400 * 1000) * 1000) / unit) * unit,
    source: end(),
    destination: end(),
    protocol: pick([6, 17]),
    direction: pick(["egress", "ingress"] as const),
    verdict: pick(["allowed", "allowed", "denied"] as const),
    packets: random(10),
    bytes: random(5000),
    connections: random(2),
  };
}

const ask = async (question: TotalsQuestion): Promise<{ rows: TotalsRow[]; tables: string[] }> => {
  const { sql, parameters, tables } = totalsQuery(question);
  return { rows: await store.query<TotalsRow>(sql, { parameters }), tables };
};

describe("totals", () => {
  it("are the same from the roll-ups as from the flows, for any range, filter and grouping", async () => {
    const filters = [
      undefined,
      "verdict = denied",
      "src.namespace = shop and dst.port in (80, 443)",
      "workload in (a, b) and not protocol = udp",
      "direction = ingress",
      "src.pod = a-1",
    ];
    const used = new Set<string>();
    const grouping = [
      "src.workload",
      "dst.namespace",
      "dst.port",
      "verdict",
      "hour",
      "day",
      "minute",
      "src.pod",
    ];
    let answered = 0;
    for (let round = 0; round < 80; round++) {
      const unit = pick([1, second, minute, hour, day]);
      const from =
        start +
        Math.floor((random(3 * 86_400) * second) / unit) * unit +
        (unit === 1 ? random(second) : 0);
      const until = from + Math.max(unit, Math.floor((random(2 * 86_400) * second) / unit) * unit);
      const filter = pick(filters);
      const question: TotalsQuestion = {
        since: from,
        until: random(4) === 0 ? undefined : until,
        by: [...new Set(Array.from({ length: random(4) }, () => pick(grouping)))],
        filter: filter === undefined ? undefined : parseFilter(filter, Date.now()),
        limit: 100_000,
        view: pick(["once", "each"] as const),
      };
      const planned = await ask(question);
      const raw = await ask({ ...question, rawOnly: true });
      expect({ filter, question, rows: planned.rows }).toEqual({
        filter,
        question,
        rows: raw.rows,
      });
      for (const table of planned.tables) used.add(table);
      answered += planned.rows.length;
    }
    expect([...used].sort()).toEqual(["edges_1d", "edges_1h", "edges_1m", "flows"]);
    expect(answered).toBeGreaterThan(1000);
  }, 120_000);

  it.each<[string, Partial<TotalsQuestion>, string[]]>([
    ["whole days", { since: start, until: start + 2 * day }, ["edges_1d"]],
    ["from a day on", { since: start }, ["edges_1d"]],
    ["from a minute on", { since: start + minute, now: start + hour - 1 }, ["edges_1m"]],
    ["whole hours", { since: start + hour, until: start + 3 * hour }, ["edges_1h"]],
    ["whole minutes", { since: start + minute, until: start + 3 * minute }, ["edges_1m"]],
    ["within a minute", { since: start + second, until: start + 3 * second }, ["flows"]],
    ["days and a rest", { since: start, until: start + day + second }, ["edges_1d", "flows"]],
    ["by hour", { since: start, until: start + 2 * day, by: ["hour"] }, ["edges_1h"]],
    ["by pod", { since: start, until: start + 2 * day, by: ["dst.pod"] }, ["flows"]],
    ["of an address", { since: start, filter: parseFilter("ip = 10.0.0.1", 0) }, ["flows"]],
  ])("take %s from the coarsest tables that have it", (_name, question, expected) => {
    expect(totalsQuery({ since: 0, by: [], ...question }).tables).toEqual(expected);
  });

  it("count a connection between two pods once, and what comes from outside as well", async () => {
    const seen = (["egress", "ingress"] as const).map((direction) => ({
      time: start - 2 * day,
      direction,
      bytes: 100,
      source: { kind: "pod", workload: "once" },
      destination: { kind: "pod", workload: "once" },
    }));
    const outside = { ...seen[1], source: { kind: "" }, bytes: 7 } as TestFlow;
    await store.insertNative("flows", flowBlock([...seen, outside]), "totals:once");
    const range = { since: start - 2 * day, until: start - day, by: [] };
    expect((await ask(range)).rows[0]?.["bytes"]).toBe(107);
    expect((await ask({ ...range, view: "each" })).rows[0]?.["bytes"]).toBe(207);
    expect((await ask({ since: start - 9 * day, until: start - 8 * day, by: [] })).rows).toEqual(
      [],
    );
  });

  it("know of each field whether the roll-ups have it", async () => {
    const columns = async (table: string) =>
      (
        await store.query<{ name: string }>(
          `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '${table}'`,
        )
      ).map((row) => row.name);
    const [raw, rolled] = [await columns("flows"), await columns("edges_1h")];
    for (const field of fields) {
      expect(raw).toEqual(expect.arrayContaining([...field.columns]));
      if (field.rolledUp) expect(rolled).toEqual(expect.arrayContaining([...field.columns]));
    }
  });
});
