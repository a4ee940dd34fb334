import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { parseAddress, suggestionCodec, workloadCodec } from "@weir/codec";
import type { Suggestion, Workload } from "@weir/codec";
import { createHealth, loadConfig, silentLog, unboundedFields } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import type { Store } from "@weir/store";
import { recommenderConfig } from "./config.ts";
import { startRecommender } from "./recommender.ts";
import type { Recommender } from "./recommender.ts";

const log = silentLog();
let folder: string;
let store: Store;
let bus: Bus;
let running: Recommender[];
let suggestions: Map<string, Suggestion | null>;
let records: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-recommender-"));
  store = await openEmbeddedStore({ directory: join(folder, "store") });
  await store.migrate();
}, 60_000);
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  running = [];
  suggestions = new Map();
  records = 0;
  await store.command("TRUNCATE TABLE flows");
  bus = createMemoryBus({});
  await bus.ensureTopics(Object.values(topics));
  await bus.readTable({
    topic: topics.suggestions.name,
    onRecord: (key, value) => {
      records += 1;
      suggestions.set(key, value === null ? null : suggestionCodec.decode(value));
    },
  });
  for (const [index, name] of ["web", "cart", "intruder"].entries()) await addPod(name, index);
});
afterEach(async () => {
  for (const one of running) await one.stop();
  await bus.close();
});

async function addPod(workload: string, index: number): Promise<void> {
  const pod: Workload = {
    kind: "pod",
    namespace: "shop",
    name: `${workload}-0`,
    uid: workload,
    workload,
    workload_kind: "Deployment",
    node: "n1",
    addresses: [parseAddress(`10.1.0.${index + 2}`)],
    labels: { app: workload, "pod-template-hash": "5d9c" },
    namespace_labels: {},
    host_network: false,
    ports: [],
    since: 0,
    until: null,
  };
  await bus.send(topics.workloads.name, [
    { key: `pod/shop/${workload}-0/${workload}`, value: workloadCodec.encode(pod) },
  ]);
}

let port = 40_000;

/** One connection as the enricher stores it, at the initiator's interface. */
async function insert(
  from: string,
  to: string,
  dstPort: number,
  more: { answered?: boolean; refused?: boolean } = {},
): Promise<void> {
  port += 1;
  const { answered = true, refused = false } = more;
  await store.command(`INSERT INTO flows (time, start, last, node, direction, src_addr, src_port, src_kind,
    src_namespace, src_workload, src_pod, dst_addr, dst_port, dst_kind, dst_namespace, dst_workload, dst_pod,
    protocol, connections, packets, bytes, verdict, answered, refused)
    VALUES (now64(6), now64(6), now64(6), 'n1', 'egress', '::ffff:10.1.0.2', ${port}, 'pod',
    'shop', '${from}', '${from}-0', '::ffff:10.1.0.3', ${dstPort}, 'pod', 'shop', '${to}', '${to}-0',
    'TCP', 1, 5, 500, 'allowed', ${answered}, ${refused})`);
}

async function start(overrides: object = {}): Promise<Recommender> {
  const config = loadConfig(recommenderConfig, {
    overrides: { settleMs: 0, minIntervalMs: 10, ...overrides },
  });
  const one = await startRecommender(config, { bus, store, log });
  running.push(one);
  return one;
}

const signal = (): Promise<void> =>
  bus.send(topics.flows.name, [{ key: "n1", value: new Uint8Array([0]) }]);

async function until(wanted: () => boolean): Promise<void> {
  while (!wanted()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("the recommender", () => {
  it("publishes a policy per workload once flows arrive, and names what it left out", async () => {
    await insert("web", "cart", 7070);
    for (const one of [22, 23, 24])
      await insert("intruder", "cart", one, { answered: false, refused: true });
    await insert("intruder", "cart", 7070);
    await start();
    expect(suggestions.size).toBe(0);
    await signal();
    await until(() => suggestions.size === 3);
    const cart = suggestions.get("shop/cart");
    expect(cart?.text).toContain("app: web");
    expect(cart?.text).not.toContain("intruder\n");
    expect(cart?.text).not.toContain("pod-template-hash");
    expect(cart?.left_out.join("\n")).toMatch(
      /ingress TCP 7070 from shop\/intruder .* looks like a scan/,
    );
    expect(suggestions.get("shop/intruder")).toMatchObject({ text: "" });
  });

  it("says the same thing once, in a second life too, and takes back what no longer holds", async () => {
    await insert("web", "cart", 7070);
    const first = await start();
    await signal();
    await until(() => suggestions.size === 2);
    await signal();
    await until(() => first.status().runs === 2);
    await first.stop();
    expect(records).toBe(2);
    const second = await start();
    await signal();
    await until(() => second.status().runs === 1 && second.status().suggestions === 2);
    expect(records).toBe(2);
    await store.command("TRUNCATE TABLE flows");
    await signal();
    await until(() => [...suggestions.values()].every((one) => one === null));
    expect(second.status().suggestions).toBe(0);
  });

  it("keeps old suggestions while the store fails, says why, and goes on when it is back", async () => {
    await insert("web", "cart", 7070);
    const health = createHealth();
    const broken = {
      ...store,
      query: () => Promise.reject(new Error("the store is away")),
    } as unknown as Store;
    let current: Store = store;
    const door = new Proxy(store, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(name === "query" ? current : store, name);
        return typeof value === "function" ? value.bind(store) : value;
      },
    });
    const config = loadConfig(recommenderConfig, { overrides: { settleMs: 0, minIntervalMs: 10 } });
    const one = await startRecommender(config, { bus, store: door, log, health });
    running.push(one);
    await signal();
    await until(() => suggestions.size === 2);
    current = broken;
    await signal();
    await until(() => one.status().trouble !== undefined);
    expect(one.status().trouble).toBe("suggesting fails: the store is away");
    expect(suggestions.get("shop/cart")).not.toBeNull();
    current = store;
    await until(() => one.status().trouble === undefined);
  });

  it("has a bound and a word for every field of its configuration", () => {
    expect(unboundedFields(recommenderConfig)).toEqual([]);
  });
});
