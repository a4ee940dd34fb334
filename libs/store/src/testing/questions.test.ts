import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  describeQuery,
  type EdgeRow,
  edgesQuery,
  flowLine,
  type FlowRow,
  flowsQuery,
  ledgerAnswer,
  type LedgerAnswer,
  ledgerQuery,
  type LedgerRow,
  policyHistoryQuery,
  publicTables,
  type Statement,
  tablesQuery,
} from "@weir/query";
import type { Store } from "../contract.ts";
import { encodeRows } from "../tables/encode-rows.ts";
import { deadLetters } from "../tables/dead-letters.ts";
import { ledger } from "../tables/ledger.ts";
import { openTestStore } from "./engine.ts";
import { flowBlock, type TestFlow } from "./flows.ts";
import { temporaryDirectory } from "./temporary.ts";

// libs/query is pure; here its SQL meets the engine.

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;
const second = 1_000_000;
const now = Math.floor(Date.now() / 1000) * second;

const cart = { kind: "pod", namespace: "shop", workload: "cart", pod: "cart-1" };
const db = { kind: "pod", namespace: "shop", workload: "db", pod: "db-0" };
/** Neighbour discovery with a policy in force and without, and a ping. */
const signals: TestFlow[] = [
  { reason: "icmp", protocol: 58, source: { ...cart, port: 0 } },
  { reason: "observed", protocol: 58, source: { ...cart, port: 0 } },
  { reason: "observed", protocol: 58, source: { ...cart, port: 7 } },
].map((flow) => ({
  ...flow,
  time: now - 120 * second,
  destination: { ...db, ip: "fd00::2", port: 0 },
}));
const outside = { ip: "198.51.100.7", name: "api.example.org" };

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openTestStore(folder.path);
  await store.migrate();
  const flows: TestFlow[] = [
    // One connection in two rows, answered in the second only, seen at both ends.
    ...(["egress", "ingress"] as const).flatMap((direction) => [
      { time: now - 50 * second, direction, answered: false },
      { time: now - 40 * second, direction, connections: 0, packets: 5, bytes: 500 },
    ]),
    // A second connection, refused; and a denied one from another pod.
    { time: now - 39 * second, source: { port: 41_000 }, answered: false, refused: true },
    {
      time: now - 30 * second,
      source: { pod: "cart-2", ip: "10.0.0.9" },
      verdict: "denied" as const,
      reason: "default-deny ingress (shop/db)",
      answered: false,
    },
  ].map((flow: Partial<TestFlow> & { time: number }) => ({
    ...flow,
    source: { ...cart, ip: "10.0.0.1", port: 40_000, ...flow.source },
    destination: { ...db, ip: "10.0.0.2", port: 5432 },
  }));
  flows.push(
    { time: now - 20 * second, source: cart, destination: { ...outside, port: 443 } },
    {
      time: now - 10 * second,
      protocol: 1,
      source: { ...cart, port: 77 },
      destination: { ...outside, ip: "fd00::1", name: "", port: 0 },
    },
  );
  await store.insertNative("flows", flowBlock([...flows, ...signals]), "questions");
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

function ask<Row>({ sql, parameters }: Statement): Promise<Row[]> {
  return store.query<Row>(sql, { parameters });
}

describe("flows", () => {
  const since = now - 60 * second;
  const times = async (question: Partial<Parameters<typeof flowsQuery>[0]>) =>
    (await ask<FlowRow>(flowsQuery({ since, ...question }))).map((row) =>
      Math.round((now - Date.parse(row.time) * 1000) / second),
    );

  it.each<[string, Partial<Parameters<typeof flowsQuery>[0]>, number[]]>([
    ["oldest first", {}, [50, 50, 40, 40, 39, 30, 20, 10]],
    ["newest first", { order: "newest-first" }, [10, 20, 30, 39, 40, 40, 50, 50]],
    ["the newest so many", { limit: 2 }, [20, 10]],
    ["since", { since: now - 30 * second }, [30, 20, 10]],
    ["until", { until: now - 40 * second }, [50, 50]],
    ["from a pod", { from: { namespace: "shop", pod: "cart-2" } }, [30]],
    ["from a workload", { from: { namespace: "shop", pod: "cart" }, limit: 3 }, [30, 20, 10]],
    ["from another namespace", { from: { namespace: "nope", pod: "cart" } }, []],
    ["to an address", { to: { name: "198.51.100.7" } }, [20]],
    ["to a name", { to: { name: "api.example.org" } }, [20]],
    ["of a namespace", { namespace: "shop", port: 443 }, [20]],
    ["port", { port: 5432, limit: 1 }, [30]],
    ["protocol in any case", { protocol: "icmp" }, [10]],
    ["denied", { verdict: "denied" }, [30]],
    ["no way in for a quote", { from: { name: "' OR 1 --" } }, []],
  ])("%s", async (_name, question, expected) => {
    expect(await times(question)).toEqual(expected);
  });

  it("come out as the command line prints them; what is unknown is absent", async () => {
    const rows = await ask<FlowRow>(flowsQuery({ since: now - 30 * second, verdict: "denied" }));
    expect(rows.map(flowLine)).toEqual([
      {
        time: new Date((now - 30 * second) / 1000).toISOString().replace("Z", "000Z"),
        node: "node-1",
        direction: "egress",
        source: { ip: "10.0.0.9", port: 40000, namespace: "shop", pod: "cart-2", workload: "cart" },
        destination: { ip: "10.0.0.2", port: 5432, namespace: "shop", pod: "db-0", workload: "db" },
        protocol: "TCP",
        packets: 1,
        bytes: 100,
        replyPackets: 0,
        replyBytes: 0,
        verdict: "denied",
        reason: "default-deny ingress (shop/db)",
        generation: 1,
      },
    ]);
    const [ping] = await ask<FlowRow>(flowsQuery({ since, protocol: "ICMP" }));
    expect(ping && flowLine(ping).destination).toEqual({ ip: "fd00::1" });
    expect(ping && flowLine(ping).source).not.toHaveProperty("port");
  });
});

describe("edges", () => {
  it("count connections once per side, with the evidence of all their rows", async () => {
    const edges = await ask<EdgeRow>(
      edgesQuery({ since: now - 60 * second, namespace: "shop", workload: "db" }),
    );
    const time = (ago: number, ms = 0) =>
      new Date((now - ago * second) / 1000 - ms).toISOString().replace("Z", "000Z");
    const common = {
      src_kind: "pod",
      src_namespace: "shop",
      src_workload: "cart",
      src_name: "",
      src_ip: "",
      dst_kind: "pod",
      dst_namespace: "shop",
      dst_workload: "db",
      dst_name: "",
      dst_ip: "",
      dst_port: 5432,
      protocol: "TCP",
      guessed: 0,
      reply_packets: 0,
      reply_bytes: 0,
      destinations: 1,
      first: time(50, 1),
    };
    expect(edges).toEqual([
      {
        ...common,
        direction: "egress",
        connections: 3,
        answered: 1,
        refused: 1,
        denied: 1,
        packets: 8,
        bytes: 800,
        sources: 2,
        last: time(30),
      },
      {
        ...common,
        direction: "ingress",
        connections: 1,
        answered: 1,
        refused: 0,
        denied: 0,
        packets: 6,
        bytes: 600,
        sources: 1,
        last: time(40),
      },
    ]);
  });

  it("tell ends that are no workload apart by address and name", async () => {
    const edges = await ask<EdgeRow>(edgesQuery({ since: now - 60 * second, namespace: "shop" }));
    expect(
      edges
        .filter((edge) => edge.dst_workload === "")
        .map((e) => [e.dst_ip, e.dst_name, e.protocol]),
    ).toEqual([
      ["fd00::1", "", "ICMP"],
      ["198.51.100.7", "api.example.org", "TCP"],
    ]);
    expect(await ask(edgesQuery({ since: now - 60 * second, namespace: "elsewhere" }))).toEqual([]);
    expect((await ask(edgesQuery({ since: now - 60 * second }))).length).toBe(4);
    expect((await ask(edgesQuery({ since: now - 60 * second, generation: 1 }))).length).toBe(4);
    expect(await ask(edgesQuery({ since: now - 60 * second, generation: 2 }))).toEqual([]);
  });

  it("leave out signalling, which no policy stops, and keep a ping", async () => {
    const range = { since: now - 130 * second, until: now - 110 * second };
    const edges = await ask<EdgeRow>(edgesQuery(range));
    expect(edges.map((e) => [e.protocol, e.connections])).toEqual([["ICMPv6", 1]]);
  });
});

describe("the ledger", () => {
  const base = {
    version: "0",
    generation: 0,
    revision: 0,
    mode: "observe" as const,
    error: null,
    attached: [],
    hooks: {},
    odometers: [],
  };
  const report = (
    node: string,
    ago: number,
    [blocks, produced]: [number, number],
    last_block?: number,
    lost: Record<string, number> = {},
  ) => ({
    ...base,
    node,
    boot_id: "boot-1",
    time: now - ago * second,
    blocks,
    produced,
    counters: last_block === undefined ? {} : { last_block },
    lost,
  });
  const block = (node: string, number: number, ago: number, rows: number) =>
    Array.from({ length: rows }, () => ({ node, block: number, time: now - ago * second }));
  const answer = async (since: number, settleSeconds = 0) => {
    const range = { since: now - since * second, until: now };
    const rows = await ask<LedgerRow>(ledgerQuery({ ...range, settleSeconds }));
    return ledgerAnswer(range, rows);
  };

  beforeAll(async () => {
    await store.insertNative(
      "flows",
      flowBlock([
        // a: three blocks of ten; another process sent the second and the third.
        ...block("a", 1, 55, 10),
        ...block("a", 2, 35, 10),
        ...block("a", 3, 15, 10),
        // b: block 2 did not come.
        ...block("b", 1, 55, 10),
        ...block("b", 3, 15, 10),
        // c: reports without the number of the last block.
        ...block("c", 1, 35, 10),
        ...block("c", 2, 15, 10),
        // d: taken down and up again, blocks count from one again; a row of the first life is gone.
        ...block("d", 1, 56, 10),
        ...block("d", 2, 52, 9),
        ...block("d", 1, 30, 10),
        ...block("d", 2, 15, 11),
        // e: a block that waited for the bus: its rows are older than the report before it.
        ...block("e", 1, 55, 10),
        ...block("e", 2, 51, 10),
        // f: the spool gave up blocks 2 and 3, damage took 4, and one row of 5 is nowhere.
        ...block("f", 1, 55, 10),
        ...block("f", 5, 15, 9),
        // g: block 2 was refused for its times.
        ...block("g", 1, 55, 10),
        // h: block 2 was refused and replayed; block 3 did not come.
        ...block("h", 1, 55, 10),
        ...block("h", 2, 15, 10),
        // i: the same where the clock was set meanwhile: its rows are of an hour that is to come.
        ...block("i", 1, 55, 10),
        ...block("i", 2, -3600, 10),
      ]),
      "ledger flows",
    );
    await store.insertNative(
      "ledger",
      encodeRows(ledger, [
        report("a", 50, [1, 10], 1, { ring: 7 }),
        report("a", 30, [1, 10], 2, { ring: 7 }),
        report("a", 10, [2, 20], 3, { ring: 7 }),
        report("b", 50, [1, 10], 1, { map: 1 }),
        report("b", 30, [2, 20], 2, { map: 1 }),
        report("b", 10, [3, 30], 3, { map: 5, spool: 0 }),
        report("c", 50, [0, 0]),
        report("c", 30, [1, 10]),
        report("c", 10, [2, 20]),
        report("d", 50, [2, 20], 2, { ring: 3 }),
        report("d", 25, [1, 10], 1, { ring: 3 }),
        report("d", 10, [2, 21], 2, { ring: 3 }),
        report("e", 50, [1, 10], 1),
        report("e", 10, [2, 20], 2),
        report("f", 50, [1, 10], 1),
        report("g", 50, [1, 10], 1),
        report("g", 10, [2, 20], 2),
        ...["h", "i"].flatMap((node) => [
          report(node, 50, [1, 10], 1),
          report(node, 10, node === "h" ? [3, 30] : [2, 20], node === "h" ? 3 : 2),
        ]),
        report("f", 10, [5, 50], 5, { spool: 20, spool_damaged: 10 }),
      ]),
      "ledger reports",
    );
    const letter = (node: string, at: number, flow = 0) => ({
      ...{ topic: "weir.flows.v1", partition: 0, offset: 7, function: "enrich-flows" },
      ...{ time: now - 12 * second, key: null, value: null },
      reason: `flow ${flow} is of ${new Date(at / 1000).toISOString()}: check the clock of ${node} (block 2 of boot boot-1, 10 flows)`,
    });
    const letters = [
      ...[letter("g", 0), letter("g", 0)],
      // Refused twice, for one of its flows and for another.
      ...[letter("h", now - 15 * second), letter("h", now - 14 * second, 3)],
      letter("i", now + 3600 * second),
    ];
    await store.insertNative("dead_letters", encodeRows(deadLetters, letters), "letters");
  });

  const short = ({ nodes }: LedgerAnswer) =>
    nodes.map((one) => [one.node, one.produced, one.stored, one.unexplained, one.complete]);

  it("holds what was produced against what is stored, exactly, wherever it is cut", async () => {
    expect(short(await answer(60))).toEqual([
      ["a", 30, 30, 0, false],
      ["b", 30, 20, 10, false],
      ["c", 20, 20, 0, true],
      ["d", 41, 40, 1, false],
      ["e", 20, 20, 0, true],
      ["f", 50, 19, 1, false],
      ["g", 20, 10, 0, false],
      ["h", 30, 20, 10, false],
      ["i", 20, 20, 0, true],
    ]);
    expect(short(await answer(45))).toEqual([
      ["a", 20, 20, 0, true],
      ["b", 20, 10, 10, false],
      ["c", 20, 20, 0, true],
      ["d", 21, 21, 0, false],
      ["e", 10, 10, 0, true],
      ["f", 40, 9, 1, false],
      ["g", 10, 0, 0, false],
      ["h", 20, 10, 10, false],
      ["i", 10, 10, 0, true],
    ]);
    expect(short(await answer(20))).toEqual([
      ["a", 10, 10, 0, true],
      ["b", 10, 10, 0, false],
      ["c", 10, 10, 0, true],
      ["d", 11, 11, 0, true],
      ["e", 10, 10, 0, true],
      ["f", 40, 9, 1, false],
      ["g", 10, 0, 0, false],
      ["h", 20, 10, 10, false],
      ["i", 10, 10, 0, true],
    ]);
  });

  it("counts what was lost in the range, by cause", async () => {
    const { nodes } = await answer(45);
    // d counts anew since it was taken down: its three are other three.
    expect(nodes.map(({ node, lost }) => [node, lost])).toEqual([
      ["a", {}],
      ["b", { map: 4 }],
      ["c", {}],
      ["d", { ring: 3 }],
      ["e", {}],
      ["f", { spool: 20, spool_damaged: 10 }],
      ["g", { dead_letter: 10 }],
      ["h", {}],
      ["i", {}],
    ]);
  });

  it("leaves out reports whose flows may still be on their way", async () => {
    expect(short(await answer(45, 20))).toEqual([
      ["a", 10, 10, 0, true],
      ["b", 10, 0, 10, false],
      ["c", 10, 10, 0, true],
      ["d", 10, 10, 0, false],
    ]);
  });
});

describe("the schema and the policies", () => {
  it("teach every table that is meant to be asked", async () => {
    const tables = await ask<{ name: string; comment: string }>(tablesQuery());
    expect(tables.map((table) => table.name)).toEqual([...publicTables]);
    for (const { name } of tables) {
      const columns = await ask<{ name: string; comment: string }>(describeQuery(name));
      expect(columns.length).toBeGreaterThan(5);
      expect(columns.filter((column) => column.comment === "")).toEqual([]);
    }
    expect(await ask(describeQuery("nowhere"))).toEqual([]);
  });

  it("give the policies of a time", async () => {
    expect(await ask(policyHistoryQuery())).toEqual([]);
    expect(await ask(policyHistoryQuery(now))).toEqual([]);
  });
});
