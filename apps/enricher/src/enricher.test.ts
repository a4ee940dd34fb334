import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { nodeReportCodec, policySetCodec, workloadCodec } from "@weir/codec";
import type { Flow, Workload } from "@weir/codec";
import { workloadKey } from "@weir/identity";
import { createHealth, loadConfig, silentLog, unboundedFields } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import type { Store } from "@weir/store";
import { enricherConfig } from "./config.ts";
import { startEnricher } from "./enricher.ts";
import type { Enricher } from "./enricher.ts";
import { NOW, block, flow, pod } from "./testing/messages.ts";

const log = silentLog();

let directory: string;
let store: Store;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-enricher-"));
  store = await openEmbeddedStore({ directory });
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

let bus: Bus;
let started: Enricher[];
const tables = [
  "flows",
  "policy_generations",
  "policy_versions",
  "workload_records",
  "ledger",
  "odometers",
  "events",
  "dead_letters",
];
beforeEach(async () => {
  bus = createMemoryBus();
  started = [];
  await bus.ensureTopics(Object.values(topics));
  await store.migrate();
  for (const table of tables) await store.command(`TRUNCATE TABLE ${table}`);
});
afterEach(async () => {
  for (const one of started) await one.stop();
  await bus.close();
});

async function enrich(
  overrides: Record<string, unknown> = {},
  through: Store = store,
): Promise<Enricher> {
  const config = loadConfig(enricherConfig, {
    overrides: {
      batch: { maxWaitMs: 20 },
      identity: { headStartMs: 0, windowMs: 0 },
      ...overrides,
    },
  });
  const one = await startEnricher(config, { bus, store: through, log });
  started.push(one);
  return one;
}

const publish = (...workloads: Workload[]): Promise<void> =>
  bus.send(
    topics.workloads.name,
    workloads.map((one) => ({ key: workloadKey(one), value: workloadCodec.encode(one) })),
  );

const names = "src_ip, src_workload, src_pod, dst_ip, dst_workload, dst_pod";

describe("the enricher", () => {
  it("stores each flow with who its addresses were at its time", async () => {
    await publish(
      pod("cart-a", "10.0.0.1", NOW - 60e6, NOW - 10e6),
      pod("web-b", "10.0.0.1", NOW - 9.5e6),
      pod("db-c", "fd00::2", NOW - 60e6),
    );
    const enricher = await enrich();
    const at = (time: number): Partial<Flow> => ({ first: time, last: time, time });
    await bus.send(topics.flows.name, [
      block(1, [
        flow("10.0.0.1", "fd00::2", at(-11e6)),
        flow("10.0.0.1", "fd00::2", at(-9.7e6)),
        flow("10.0.0.1", "203.0.113.9", at(-1e6)),
      ]),
    ]);
    expect(await enricher.drain(10_000)).toBe(true);
    expect(await store.query(`SELECT ${names} FROM flows ORDER BY time`)).toEqual([
      {
        src_ip: "10.0.0.1",
        src_workload: "cart",
        src_pod: "cart-a",
        dst_ip: "fd00::2",
        dst_workload: "db",
        dst_pod: "db-c",
      },
      {
        src_ip: "10.0.0.1",
        src_workload: "",
        src_pod: "",
        dst_ip: "fd00::2",
        dst_workload: "db",
        dst_pod: "db-c",
      },
      {
        src_ip: "10.0.0.1",
        src_workload: "web",
        src_pod: "web-b",
        dst_ip: "203.0.113.9",
        dst_workload: "",
        dst_pod: "",
      },
    ]);
    expect(await enricher.metrics.value("unknown_ends_total")).toBe(2);
  });

  it("writes counts, verdict and the rule's text as they came", async () => {
    const enricher = await enrich();
    const denied = { verdict: "denied", reason: "default_deny", rule: 7, generation: 3 } as const;
    const rules = [{ generation: 3, rule: 7, text: "default-deny ingress (shop/cart)" }];
    await bus.send(topics.flows.name, [
      block(
        9,
        [
          flow("10.0.0.1", "10.0.0.2", { ...denied, packets: 2 ** 40 }),
          flow("10.0.0.1", "10.0.0.2", { protocol: 17 }),
        ],
        { rules },
      ),
    ]);
    await enricher.drain(10_000);
    const columns =
      "block, protocol, packets, reply_bytes, verdict, reason, generation, connections";
    expect(await store.query(`SELECT ${columns} FROM flows ORDER BY protocol`)).toEqual([
      {
        block: 9,
        protocol: "TCP",
        packets: 2 ** 40,
        reply_bytes: 400,
        verdict: "denied",
        reason: "default-deny ingress (shop/cart)",
        generation: 3,
        connections: 1,
      },
      {
        block: 9,
        protocol: "UDP",
        packets: 5,
        reply_bytes: 400,
        verdict: "allowed",
        reason: "not-isolated",
        generation: 0,
        connections: 1,
      },
    ]);
  });

  it("sets malformed and impossible blocks aside with their place, and stores the neighbours", async () => {
    const enricher = await enrich();
    const good = (number: number) => block(number, [flow("10.0.0.1", "10.0.0.2")]);
    const cut = good(2).value;
    await bus.send(topics.flows.name, [
      good(1),
      { key: "n1", value: cut.subarray(0, cut.length - 3) },
      { key: "n1", value: new TextEncoder().encode("not avro at all") },
      block(4, [flow("10.0.0.1", "10.0.0.2", { time: 400 * 86_400e6 })]),
      block(5, [flow("10.0.0.1", "10.0.0.2", { bytes: -1 })]),
      { key: "n1", value: null },
      good(6),
    ]);
    await enricher.drain(10_000);
    expect(await store.query("SELECT block FROM flows ORDER BY block")).toEqual([
      { block: 1 },
      { block: 6 },
    ]);
    const letters = await store.query<{
      offset: number;
      reason: string;
      function: string;
      topic: string;
    }>("SELECT topic, offset, reason, function FROM dead_letters ORDER BY offset");
    expect(letters.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5]);
    expect(letters.map(({ reason }) => reason)).toEqual([
      expect.stringContaining("dev.weir.flows.v1"),
      expect.stringContaining("dev.weir.flows.v1"),
      expect.stringContaining("check the clock of n1"),
      expect.stringContaining("bytes: -1"),
      expect.stringContaining("without a value"),
    ]);
    expect(letters[0]).toMatchObject({ topic: "weir.flows.v1", function: "enrich-flows" });
  });

  it("stores rows once when it dies between the store's acknowledgement and its commit", async () => {
    let dies = true;
    const tokens: string[] = [];
    // The row is in the engine; the answer never comes back.
    const dying = new Proxy(store, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (property !== "insertNative")
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return async (table: string, bytes: Uint8Array, token: string) => {
          const isNew = await target.insertNative(table, bytes, token);
          if (table === "flows") tokens.push(`${token} ${isNew}`);
          if (dies && table === "flows") return new Promise<boolean>(() => {});
          return isNew;
        };
      },
    });
    const first = await enrich({ functions: ["flows"], stopTimeoutMs: 100 }, dying);
    await bus.send(topics.flows.name, [
      block(1, [flow("10.0.0.1", "10.0.0.2")]),
      block(2, [flow("10.0.0.1", "10.0.0.2")]),
    ]);
    while (tokens.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await first.stop();
    await bus.send(topics.flows.name, [block(3, [flow("10.0.0.1", "10.0.0.2")])]);
    dies = false;
    const second = await enrich({ functions: ["flows"] }, dying);
    expect(await second.drain(10_000)).toBe(true);
    expect(await store.query("SELECT block FROM flows ORDER BY block")).toEqual([
      { block: 1 },
      { block: 2 },
      { block: 3 },
    ]);
    // The batch came again, was found in the store, and made no second insert.
    expect(tokens).toEqual([
      expect.stringMatching(/:0-1@.* true$/),
      expect.stringMatching(/:2-2@.* true$/),
    ]);
    expect(await second.metrics.value("duplicate_inserts_total")).toBe(1);
    expect(await second.metrics.value("repeated_rows_total")).toBe(2);
  });

  it("stores a block that is sent again once: in its batch, later, and to the next enricher", async () => {
    const numbered = (number: number) =>
      block(number, [flow("10.0.0.1", "10.0.0.2"), flow("10.0.0.1", "10.0.0.2", { dst_port: 81 })]);
    const stored = () =>
      store.query("SELECT block, count() AS n FROM flows GROUP BY block ORDER BY block");
    const once = (...numbers: number[]) => numbers.map((number) => ({ block: number, n: 2 }));
    const first = await enrich({ functions: ["flows"] });
    await bus.send(topics.flows.name, [1, 2, 2, 1].map(numbered));
    expect(await first.drain(10_000)).toBe(true);
    await bus.send(topics.flows.name, [2, 3, 1].map(numbered));
    expect(await first.drain(10_000)).toBe(true);
    expect(await stored()).toEqual(once(1, 2, 3));
    await first.stop();
    const second = await enrich({ functions: ["flows"] });
    await bus.send(topics.flows.name, [2, 3, 4, 3].map(numbered));
    expect(await second.drain(10_000)).toBe(true);
    expect(await stored()).toEqual(once(1, 2, 3, 4));
    // Another boot begins to count anew; its blocks are no repeats.
    await bus.send(topics.flows.name, [
      block(1, [flow("10.0.0.1", "10.0.0.2"), flow("10.0.0.1", "10.0.0.2")], { boot_id: "next" }),
    ]);
    expect(await second.drain(10_000)).toBe(true);
    expect(await stored()).toEqual([{ block: 1, n: 4 }, ...once(2, 3, 4)]);
    expect(await second.metrics.value("repeated_rows_total")).toBe(6);
  });

  it("has stored everything that was sent on a memory bus when it has stopped", async () => {
    const enricher = await enrich({ batch: { maxMessages: 3, maxWaitMs: 400 } });
    for (let number = 1; number <= 12; number++) {
      await bus.send(topics.flows.name, [
        { ...block(number, [flow("10.0.0.1", "10.0.0.2")]), key: `n${number}` },
      ]);
    }
    await enricher.stop();
    expect(await store.query("SELECT count() AS n, uniq(block) AS blocks FROM flows")).toEqual([
      { n: 12, blocks: 12 },
    ]);
  });

  it("writes a flow when it is known whose it is, under that name in the roll-ups too", async () => {
    const enricher = await enrich({ identity: { windowMs: 60_000 } });
    await bus.send(topics.flows.name, [
      block(1, [flow("10.0.0.7", "203.0.113.8", { dst_port: 4711 })]),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await store.query("SELECT count() AS n FROM flows")).toEqual([{ n: 0 }]);
    await publish(pod("late-a", "10.0.0.7", NOW - 1e6));
    await enricher.drain(10_000);
    expect(await store.query("SELECT src_pod FROM flows")).toEqual([{ src_pod: "late-a" }]);
    expect(
      await store.query("SELECT DISTINCT src_workload FROM edges_1m WHERE dst_port = 4711"),
    ).toEqual([{ src_workload: "late" }]);
  });

  it("stores policies, workloads and the reports of nodes", async () => {
    const enricher = await enrich();
    await publish(pod("cart-a", "10.0.0.1", NOW - 5e6));
    await publish(pod("cart-a", "10.0.0.1", NOW - 5e6, NOW));
    const set = {
      generation: 2,
      revision: 5,
      mode: "enforce" as const,
      created: NOW,
      identities: [],
      endpoints: [],
      entries: [],
      rules: [],
    };
    const documents = [{ namespace: "shop", name: "cart", text: "kind: NetworkPolicy" }];
    const send = (value: Uint8Array) => bus.send(topics.policies.name, [{ key: "current", value }]);
    await send(policySetCodec.encode({ ...set, documents }));
    await send(
      policySetCodec.encode({
        ...set,
        generation: 3,
        revision: 6,
        mode: "observe",
        created: NOW + 1,
        documents: [],
      }),
    );
    const odometer = {
      ifindex: 3,
      interface: "veth1",
      namespace: "shop",
      pod: "cart-a",
      from_packets: 1,
      from_bytes: 2,
      to_packets: 3,
      to_bytes: 4,
      other_packets: 5,
      ...{ malformed_packets: 6, malformed_bytes: 7, untracked_packets: 8, untracked_bytes: 9 },
      ...{ denied_packets: 10, untracked_connections: 11, late_edges: 12 },
    };
    const report = {
      node: "n1",
      boot_id: "boot",
      time: NOW,
      version: "0.1.0",
      generation: 3,
      revision: 6,
      mode: "observe" as const,
      error: null,
      attached: ["veth1 (shop/cart-a)"],
      hooks: { tcx: "ok" },
      blocks: 7,
      produced: 70,
      lost: { ring: 0 },
      counters: { flows_live: 3 },
      odometers: [odometer],
    };
    await bus.send(topics.nodes.name, [{ key: "n1", value: nodeReportCodec.encode(report) }]);
    expect(await enricher.drain(10_000)).toBe(true);
    expect(
      await store.query(
        "SELECT generation, mode, name, valid_until IS NULL AS open FROM policies ORDER BY generation",
      ),
    ).toEqual([{ generation: 2, mode: "enforce", name: "cart", open: 0 }]);
    expect(
      await store.query("SELECT generation, mode FROM policy_generations ORDER BY generation"),
    ).toContainEqual({ generation: 3, mode: "observe" });
    expect(await store.query("SELECT name, ports, until IS NULL AS alive FROM workloads")).toEqual([
      { name: "cart-a", ports: ["http 80/TCP"], alive: 0 },
    ]);
    expect(await store.query("SELECT node, produced, lost FROM ledger")).toEqual([
      { node: "n1", produced: 70, lost: { ring: 0 } },
    ]);
    expect(await store.query("SELECT pod, to_bytes, denied_packets FROM odometers")).toEqual([
      { pod: "cart-a", to_bytes: 4, denied_packets: 10 },
    ]);
  });

  it("says in health which function stands still, and goes on when the store is back", async () => {
    let away = true;
    const failing = new Proxy(store, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (property === "insertNative" && away)
          return () => Promise.reject(new Error("connection refused"));
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const health = createHealth();
    const config = loadConfig(enricherConfig, {
      overrides: {
        batch: { maxWaitMs: 5 },
        identity: { headStartMs: 0 },
        retry: { maxAttempts: 2, firstDelayMs: 1, maxDelayMs: 5 },
      },
    });
    const enricher = await startEnricher(config, { bus, store: failing, log, health });
    started.push(enricher);
    expect((await health.report()).ready).toBe(true);
    await bus.send(topics.flows.name, [block(1, [flow("10.0.0.1", "10.0.0.2")])]);
    while ((await health.report()).ready) await new Promise((resolve) => setTimeout(resolve, 5));
    const failed = (await health.report()).checks.filter(({ ok }) => !ok);
    expect(failed).toMatchObject([
      { name: "enrich-flows", detail: expect.stringContaining("connection refused") as unknown },
    ]);
    away = false;
    await enricher.drain(10_000);
    expect((await health.report()).ready).toBe(true);
    expect(await store.query("SELECT count() AS n FROM flows")).toEqual([{ n: 1 }]);
  });
});

describe("the configuration of the enricher", () => {
  it("documents and bounds every field", () => {
    expect(unboundedFields(enricherConfig)).toEqual([]);
  });
});
