import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type FlowRow, filterSql, flowsQuery, matches, parseFilter } from "@weir/query";
import type { Store } from "../contract.ts";
import { openTestStore } from "./engine.ts";
import { flowBlock, type TestFlow } from "./flows.ts";
import { randomFilter } from "./random-filter.ts";
import { randomNumbers } from "./random.ts";
import { temporaryDirectory } from "./temporary.ts";

// Filters three ways: the SQL on the engine, the evaluator of the live tail, and a predicate that
// the generator of the text writes beside it, which knows nothing of parser or compiler.

const rowCount = 400;
const filterCount = 200;
const second = 1_000_000;
const now = Math.floor(Date.now() / 1000) * second;
let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;

type StoredRow = FlowRow & { block: number; src_kind: string; answered: boolean };

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openTestStore(folder.path);
  await store.migrate();
  const random = randomNumbers(6);
  await store.insertNative(
    "flows",
    flowBlock(Array.from({ length: rowCount }, (_, n) => randomFlow(random, n))),
    "filters",
  );
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

const names = [
  "",
  "shop",
  "shop2",
  "sHop",
  "a_b",
  "a%b",
  "it's",
  'q"q',
  "back\\slash",
  "ü😀n",
  "-",
];
const addresses = [
  ...["10.0.0.1", "10.0.0.2", "10.200.0.1", "192.168.1.77", "255.255.255.255", "0.0.0.0"],
  ...["fd00::1", "fd00:1::", "::1", "::", "::102:304", "2001:db8:0:0:1::", "1:0:0:2:0:0:0:3"],
];

function randomFlow(random: (below: number) => number, n: number): TestFlow {
  const pick = <T>(from: readonly T[]) => from[random(from.length)] as T;
  const end = () => ({
    kind: pick(["", "pod", "node"]),
    namespace: pick(names),
    workload: pick(names),
    pod: pick(names),
    name: pick(names),
    ip: pick(addresses),
    port: pick([0, 22, 80, 443, 65_535]),
  });
  return {
    time: now - random(600) * second - random(3),
    source: end(),
    destination: end(),
    protocol: pick([1, 6, 17, 58, 253]),
    direction: pick(["egress", "ingress"] as const),
    verdict: pick(["allowed", "denied"] as const),
    reason: pick(["observed", "shop/a ingress[0]"]),
    node: pick(["n1", "n2"]),
    packets: random(10),
    bytes: random(5000),
    answered: random(2) === 0,
    block: n,
  };
}

describe("a filter", () => {
  it("selects the same rows on the engine, in the live tail's evaluator and by a plain predicate", async () => {
    const all = await store.query<StoredRow>("SELECT * FROM flows ORDER BY block");
    expect(all).toHaveLength(rowCount);
    const random = randomNumbers(17);
    const selected: number[] = [];
    for (let round = 0; round < filterCount; round++) {
      const { text, holds } = randomFilter(random, { names, addresses, now });
      const filter = parseFilter(text, now / 1000);
      const { sql, parameters } = filterSql(filter);
      const found = await store.query<{ block: number }>(
        `SELECT block FROM flows WHERE ${sql} ORDER BY block`,
        { parameters },
      );
      const plain = all.filter((row) => holds(row)).map((row) => row.block);
      const live = all.filter((row) => matches(filter, { ...row })).map((row) => row.block);
      expect({ text, rows: found.map((row) => row.block) }).toEqual({ text, rows: plain });
      expect({ text, rows: live }).toEqual({ text, rows: plain });
      selected.push(plain.length);
    }
    // The test would prove nothing if the filters selected nothing, or everything.
    expect(selected.filter((count) => count > 0 && count < rowCount).length).toBeGreaterThan(
      filterCount / 2,
    );
  }, 120_000);

  it.each([
    ["pid = 7", 0],
    ["pid >= 0", 0],
    ["srtt < 100 or handshake.rtt > 0 or first.byte in (0, 1)", 0],
    ["not pid = 7", rowCount],
    ["pid != 7 and not srtt < 100", rowCount],
  ])("holds nothing for true of what is not known: %s", async (text, count) => {
    const all = await store.query<StoredRow>("SELECT * FROM flows");
    const filter = parseFilter(text, now / 1000);
    const { sql, parameters } = filterSql(filter);
    const found = await store.query(`SELECT block FROM flows WHERE ${sql}`, { parameters });
    expect(found).toHaveLength(count);
    expect(all.filter((row) => matches(filter, { ...row }))).toHaveLength(count);
  });

  it("goes together with the other parts of a question", async () => {
    const filter = parseFilter("verdict = denied", now / 1000);
    const { sql, parameters } = flowsQuery({ since: now - 3600 * second, port: 80, filter });
    const rows = await store.query<FlowRow>(sql, { parameters });
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every((row) => row.verdict === "denied" && row.dst_port === 80)).toBe(true);
  });

  it("finds one address by the index", async () => {
    const { sql, parameters } = filterSql(parseFilter("ip = 10.9.9.9", now / 1000));
    const [plan] = await store.query<{ explain: string }>(
      `SELECT arrayStringConcat(groupArray(explain), '\\n') AS explain FROM (EXPLAIN indexes = 1 SELECT count() FROM flows WHERE ${sql})`,
      { parameters },
    );
    for (const index of ["src_addr_bloom", "dst_addr_bloom"])
      expect(plan?.explain).toContain(`Name: ${index}`);
  });

  it("is answered from the newest rows on, no further back than the limit asks for", async () => {
    const filter = parseFilter("ip = 10.9.9.9", now / 1000);
    const { sql, parameters } = flowsQuery({ since: now - 3600 * second, filter, limit: 10 });
    const plan = await store.query<{ explain: string }>(`EXPLAIN actions = 1 ${sql}`, {
      parameters,
    });
    expect(plan.map((line) => line.explain).join("\n")).toMatch(
      /Prefix sort description: .*toStartOfFiveMinutes\(.*\) DESC/,
    );
  });
});
