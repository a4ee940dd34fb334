import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { PolicyFeed, policyChangeCodec, workloadCodec } from "@weir/codec";
import type { PolicySet, Workload } from "@weir/codec";
import { loadConfig, silentLog, unboundedFields } from "@weir/runtime";
import { controllerConfig } from "./config.ts";
import { startController } from "./controller.ts";
import type { Controller } from "./controller.ts";
import { PublishedPolicy } from "./published-policy.ts";

let folder: string;
let bus: Bus;
let running: Controller[];
/** Every state that a follower of the topic sees, and the keys that the topic holds. */
let sets: PolicySet[];
let keys: Set<string>;
let workloads: Map<string, Workload | null>;

async function openBus(): Promise<void> {
  bus = createMemoryBus({ directory: join(folder, "bus") });
  await bus.ensureTopics(Object.values(topics));
  sets = [];
  keys = new Set();
  const feed = new PolicyFeed();
  let state: PublishedPolicy | undefined;
  workloads = new Map();
  await bus.readTable({
    topic: topics.policies.name,
    onRecord(key, value) {
      keys[value === null ? "delete" : "add"](key);
      for (const { set, delta } of feed.read(key, value)) {
        if (set) state = PublishedPolicy.of(set);
        else state?.follow(delta);
        if (state) sets.push(state.snapshot());
      }
    },
  });
  await bus.readTable({
    topic: topics.workloads.name,
    onRecord: (key, value) => void workloads.set(key, value && workloadCodec.decode(value)),
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-controller-"));
  running = [];
  mkdirSync(join(folder, "m"));
  await openBus();
});
afterEach(async () => {
  for (const one of running) await one.stop();
  await bus.close();
  rmSync(folder, { recursive: true, force: true });
});

async function control(): Promise<Controller> {
  const config = loadConfig(controllerConfig, {
    overrides: {
      runDirectory: join(folder, "run"),
      manifests: [join(folder, "m")],
      host: false,
      rescanMs: 60,
    },
  });
  const one = await startController(config, { bus, log: silentLog() });
  running.push(one);
  return one;
}

async function until(wanted: () => boolean): Promise<void> {
  while (!wanted()) await new Promise((resolve) => setTimeout(resolve, 3));
}

const newest = (): PolicySet | undefined => sets.at(-1);
const alive = (): string[] =>
  [...workloads.values()].flatMap((one) => (one?.until === null ? [one.name] : [])).sort();

function pods(...names: string[]): void {
  const documents = names.map(
    (name, at) => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name.replace(/-\d+$/, "")}}}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
status: {podIP: 10.1.0.${at + 1}}
`,
  );
  const path = join(folder, "m/pods.yaml");
  writeFileSync(`${path}.new`, documents.join("---\n"));
  renameSync(`${path}.new`, path);
}

function policy(name: string, port: number | string): string {
  return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  podSelector: {matchLabels: {app: ${name}}}
  ingress: [{ports: [{port: ${port}}]}]
`;
}

async function apply(name: string, text: string | null, shadow = false): Promise<void> {
  const change = { namespace: "shop", name, text: text ?? "", shadow, changed: 1, author: "test" };
  const value = text === null ? null : policyChangeCodec.encode(change);
  await bus.send(topics.policyDocuments.name, [{ key: `shop/${name}`, value }]);
}

describe("the controller", () => {
  it("publishes who there is, and an end for who vanished", async () => {
    pods("cart-1", "web-1");
    await control();
    await until(() => alive().length === 2);
    pods("cart-1", "web-2");
    await until(() => alive().join() === "cart-1,web-2");
    const gone = workloads.get("pod/shop/web-1/manifest");
    expect(gone?.until).toBeGreaterThan(gone?.since ?? Infinity);
  });

  it("ends after a restart what vanished while it was away", async () => {
    pods("cart-1", "web-1");
    const first = await control();
    await until(() => alive().length === 2);
    await first.stop();
    pods("cart-1");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(alive()).toEqual(["cart-1", "web-1"]);
    await control();
    await until(() => alive().join() === "cart-1");
  });

  it("compiles policies when they change, and when pods do, and numbers both", async () => {
    pods("cart-1");
    const controller = await control();
    await until(() => newest()?.endpoints.length === 1);
    expect(newest()).toMatchObject({ generation: 0, mode: "observe" });
    await apply("cart", policy("cart", 80));
    await until(() => newest()?.generation === 1);
    expect(newest()).toMatchObject({
      mode: "enforce",
      documents: [{ namespace: "shop", name: "cart" }],
    });
    expect(newest()?.endpoints).toMatchObject([{ pod: "cart-1", egress_rule_set: 0 }]);
    expect(newest()?.endpoints[0]?.ingress_rule_set).toBeGreaterThan(0);
    const { revision } = newest() as PolicySet;
    pods("cart-1", "cart-2");
    await until(() => newest()?.endpoints.length === 2);
    expect(newest()).toMatchObject({ generation: 1, revision: revision + 1 });
    expect(controller.status()).toMatchObject({
      generation: 1,
      policies: 1,
      errors: [],
      selected: [{ namespace: "shop", name: "cart", pods: ["shop/cart-1", "shop/cart-2"] }],
    });
    await apply("cart", policy("cart", 80), true);
    await until(() => newest()?.generation === 2);
    expect(newest()?.mode).toBe("shadow");
    await apply("cart", null);
    await until(() => newest()?.generation === 3);
    expect(newest()).toMatchObject({ mode: "observe", documents: [], entries: [] });
  });

  it("goes on after a restart with the same generation, and the next one after it", async () => {
    pods("cart-1");
    const first = await control();
    await apply("cart", policy("cart", 80));
    await until(() => newest()?.generation === 1);
    const { revision } = newest() as PolicySet;
    await first.stop();
    await bus.close();
    await openBus();
    await control();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(newest()).toMatchObject({ generation: 1, revision });
    await apply("cart", policy("cart", 81));
    await until(() => newest()?.generation === 2);
  });

  it("keeps what is in force when a text no longer compiles, and says so", async () => {
    pods("cart-1");
    const controller = await control();
    await apply("cart", policy("cart", 80));
    await until(() => newest()?.generation === 1);
    const count = sets.length;
    await apply("cart", policy("cart", 70_000));
    await until(() => controller.status().errors.length === 1);
    await controller.settled();
    expect(sets.length).toBe(count);
    expect(controller.status().errors[0]).toMatchObject({
      name: "cart",
      previousInForce: true,
      error: expect.stringMatching(/^shop\/cart:6:\d+: .*70000/) as unknown,
    });
    expect(await controller.metrics.value("errors_total", { code: "document" })).toBe(1);
    await apply("cart", policy("cart", 90));
    await until(() => newest()?.generation === 2);
    expect(controller.status().errors).toEqual([]);
  });

  it("passes over a record that is no document, and tries again what could not be sent", async () => {
    pods("cart-1");
    const controller = await control();
    await bus.send(topics.policyDocuments.name, [{ key: "shop/x", value: new Uint8Array([9, 9]) }]);
    const send = bus.send.bind(bus);
    bus.send = (topic, messages) =>
      topic === topics.policies.name
        ? Promise.reject(new Error("no leader"))
        : send(topic, messages);
    await apply("cart", policy("cart", 80));
    await until(() => controller.status().trouble !== undefined);
    expect(controller.status()).toMatchObject({
      generation: 0,
      trouble: "publishing fails: no leader",
    });
    bus.send = send;
    await until(() => newest()?.generation === 1);
    await until(() => controller.status().trouble === undefined);
    expect(
      await controller.metrics.value("errors_total", { part: "tables", code: "malformed" }),
    ).toBe(1);
  });
});

describe("the configuration of the controller", () => {
  it("documents and bounds every field", () => {
    expect(unboundedFields(controllerConfig)).toEqual([]);
  });
});
