import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import {
  PolicyFeed,
  eventCodec,
  nodeReportCodec,
  policyChangeCodec,
  policyChangeHeader,
} from "@weir/codec";
import type { Event, NodeReport } from "@weir/codec";
import { compile, compiledOf, readManifests } from "@weir/policy";
import type { CompiledPolicy } from "@weir/policy";
import { loadConfig, silentLog } from "@weir/runtime";
import { controllerConfig } from "./config.ts";
import type { ControllerConfig } from "./config.ts";
import { startController } from "./controller.ts";
import type { Controller } from "./controller.ts";
import { PublishedPolicy } from "./published-policy.ts";

let folder: string;
let bus: Bus;
let running: Controller[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-publishing-"));
  mkdirSync(join(folder, "m"));
  bus = createMemoryBus();
  await bus.ensureTopics(Object.values(topics));
  running = [];
});
afterEach(async () => {
  for (const one of running) await one.stop();
  await bus.close();
  rmSync(folder, { recursive: true, force: true });
});

async function control(more: Partial<ControllerConfig> = {}): Promise<Controller> {
  const where = { runDirectory: join(folder, "run"), manifests: [join(folder, "m")], host: false };
  const config = loadConfig(controllerConfig, { overrides: { ...where, rescanMs: 50, ...more } });
  const one = await startController(config, { bus, log: silentLog() });
  running.push(one);
  return one;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(2);
}

function pods(names: string[]): void {
  const text = names
    .map(
      (name) => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name.replace(/-\d+$/, "")}}}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
status: {podIP: 10.1.0.${Number(name.replace(/^\D+/, ""))}}
`,
    )
    .join("---\n");
  writeFileSync(join(folder, "m/pods.yaml.new"), text);
  renameSync(join(folder, "m/pods.yaml.new"), join(folder, "m/pods.yaml"));
}

function policy(name: string, from: string, port = 80): string {
  return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  podSelector: {matchLabels: {app: ${name}}}
  ingress: [{from: [{podSelector: {matchLabels: {app: ${from}}}}], ports: [{port: ${port}}]}]
`;
}

/** As one change; null deletes. */
async function apply(texts: Record<string, string | null>): Promise<void> {
  const entries = Object.entries(texts);
  const headers = { [policyChangeHeader]: `${Math.random()} ${entries.length}` };
  const whole = { namespace: "shop", shadow: false, changed: 1, author: "test" };
  await bus.send(
    topics.policyDocuments.name,
    entries.map(([name, text]) => ({
      key: `shop/${name}`,
      value: text === null ? null : policyChangeCodec.encode({ ...whole, name, text }),
      headers,
    })),
  );
}

/** A follower that begins now: what it holds, the revisions it saw, and the keys on the topic. */
async function follow(): Promise<{
  state(): PublishedPolicy | undefined;
  deltas: number[];
  keys: Set<string>;
}> {
  const feed = new PolicyFeed();
  const followed = { deltas: [] as number[], keys: new Set<string>(), state: () => state };
  let state: PublishedPolicy | undefined;
  const reader = await bus.readTable({
    topic: topics.policies.name,
    onRecord(key, value) {
      followed.keys[value === null ? "delete" : "add"](key);
      for (const { set, delta } of feed.read(key, value)) {
        if (set) state = PublishedPolicy.of(set);
        else {
          state?.follow(delta);
          followed.deltas.push(delta.revision);
        }
      }
    },
  });
  await reader.caughtUp;
  return followed;
}

async function report(more: Partial<NodeReport>): Promise<void> {
  const value = nodeReportCodec.encode({
    ...{ node: "n1", boot_id: "b", time: 1, version: "0", generation: 0, revision: 0 },
    ...{ mode: "observe", error: null, attached: [], hooks: {}, blocks: 0, produced: 0 },
    ...{ lost: {}, counters: {}, odometers: [] },
    ...more,
  });
  await bus.send(topics.nodes.name, [{ key: "n1", value }]);
}

describe("what the controller publishes", () => {
  it("is a delta per change, then a snapshot that takes their place", async () => {
    pods(["cart-1", "web-2"]);
    const controller = await control({ snapshotEveryDeltas: 3 });
    const follower = await follow();
    for (const port of [80, 81]) {
      await apply({ cart: policy("cart", "web", port) });
      await until(
        () => follower.state()?.documents.get("shop/cart")?.text.includes(`${port}`) === true,
      );
    }
    expect([...follower.keys].sort()).toEqual(["current", "delta/2", "delta/3"]);
    await apply({ cart: policy("cart", "web", 82) });
    await until(() => follower.keys.size === 1);
    expect(follower.deltas).toEqual([2, 3, 4]);
    const late = await follow();
    expect(late.state()?.snapshot()).toEqual(follower.state()?.snapshot());
    expect(controller.status()).toMatchObject({ generation: 3, revision: 4 });
  });

  it("is a snapshot in the end also where nothing follows", async () => {
    pods(["cart-1", "web-2"]);
    await control({ snapshotIdleMs: 40 });
    const follower = await follow();
    await apply({ cart: policy("cart", "web") });
    await until(() => follower.deltas.length === 1 && follower.keys.size === 1);
  });

  it("comes in parts where it is large, and leaves no part of the snapshot before", async () => {
    pods(["cart-1", "web-2"]);
    await control({ snapshotEveryDeltas: 1, snapshotPartBytes: 1024, maxDeltaBytes: 4096 });
    const follower = await follow();
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`p${at}`, policy(`p${at}`, "web")]),
    );
    await apply(many);
    await until(() => follower.state()?.documents.size === 40);
    // Too large for a delta.
    expect(follower.deltas).toEqual([]);
    expect(follower.keys.size).toBeGreaterThan(10);
    await apply(Object.fromEntries(Object.keys(many).map((name) => [name, null])));
    await until(() => follower.state()?.documents.size === 0 && follower.keys.size === 1);
    expect((await follow()).state()?.mode).toBe("observe");
  });

  it("goes on after a restart where it was, from a snapshot and deltas", async () => {
    pods(["cart-1", "web-2"]);
    const first = await control();
    await apply({ cart: policy("cart", "web") });
    await until(() => first.status().generation === 1);
    await apply({ web: policy("web", "cart") });
    await until(() => first.status().generation === 2);
    await first.stop();
    await bus.send(topics.policyDocuments.name, [{ key: "shop/web", value: null }]);
    const follower = await follow();
    const before = follower.state()?.revision ?? 0;
    const second = await control();
    expect(second.status()).toMatchObject({ generation: 3, revision: before + 1, policies: 1 });
    await until(() => follower.deltas.at(-1) === before + 1);
    expect(follower.keys.has("delta/2")).toBe(true);
  });

  it("is right for those who got what could not be sent as well as for those who did not", async () => {
    pods(["cart-1", "web-2"]);
    const controller = await control();
    const follower = await follow();
    const send = bus.send.bind(bus);
    let failures = 0;
    bus.send = async (topic, messages) => {
      if (topic !== topics.policies.name || failures === 2) return send(topic, messages);
      // The first arrives all the same, the second does not.
      if (failures++ === 0) await send(topic, messages);
      throw new Error("no answer");
    };
    await apply({ cart: policy("cart", "web") });
    await until(() => failures === 2 && controller.status().trouble === undefined);
    await apply({ web: policy("web", "cart") });
    await until(() => follower.state()?.documents.size === 2);
    const late = await follow();
    for (const one of [follower, late]) {
      expect(one.state()).toMatchObject({ generation: 2, revision: controller.status().revision });
    }
    expect(compiledOf(late.state()!.tables)).toEqual(compiledOf(follower.state()!.tables));
  });

  it("is all of it after a large change that may or may not have arrived", async () => {
    pods(["cart-1", "web-2"]);
    const controller = await control({ snapshotPartBytes: 1024, maxDeltaBytes: 1024 });
    const follower = await follow();
    const names = Array.from({ length: 10 }, (_, at) => `p${at}`);
    const send = bus.send.bind(bus);
    let failures = 0;
    bus.send = async (topic, messages) => {
      await send(topic, messages);
      if (topic !== topics.policies.name || messages[0]?.key !== "current" || failures > 0) return;
      failures++;
      // Nobody wants it any more: what is left to send is little.
      await apply(Object.fromEntries(names.map((name) => [name, null])));
      throw new Error("no answer");
    };
    await apply(Object.fromEntries(names.map((name) => [name, policy(name, "web")])));
    await until(() => failures === 1 && controller.status().trouble === undefined);
    await until(() => follower.state()?.revision === controller.status().revision);
    for (const one of [follower, await follow()]) expect(one.state()?.documents.size).toBe(0);
  });

  it("is all of it after a failure, also where an older snapshot is still under way", async () => {
    pods(["cart-1", "web-2"]);
    const controller = await control({ snapshotEveryDeltas: 1, debounceMs: 30 });
    const follower = await follow();
    const send = bus.send.bind(bus);
    let arrived = (): void => undefined;
    const isThere = new Promise<void>((resolve) => (arrived = resolve));
    let failures = 0;
    bus.send = async (topic, messages) => {
      const key = topic === topics.policies.name ? messages[0]?.key : undefined;
      if (key === "current" && failures === 0) await isThere;
      await send(topic, messages);
      if (key !== "delta/3" || failures++ > 0) return;
      await apply({ web: null });
      setImmediate(arrived);
      throw new Error("no answer");
    };
    await apply({ cart: policy("cart", "web") });
    await until(() => controller.status().generation === 1);
    await apply({ web: policy("web", "cart") });
    await until(() => failures > 0 && controller.status().trouble === undefined);
    await until(() => follower.state()?.revision === controller.status().revision);
    await controller.settled();
    for (const one of [follower, await follow()]) {
      expect([...(one.state()?.documents.keys() ?? [])]).toEqual(["shop/cart"]);
    }
  });

  it("never shows half of a change of several documents", async () => {
    pods(["cart-1", "web-2"]);
    await control();
    const follower = await follow();
    const counts = new Set<number>();
    const names = Array.from({ length: 30 }, (_, at) => `p${at}`);
    const off = setInterval(() => counts.add(follower.state()?.documents.size ?? 0), 0);
    await apply(Object.fromEntries(names.map((name) => [name, policy(name, "web")])));
    await until(() => follower.state()?.documents.size === 30);
    clearInterval(off);
    expect([...counts].filter((count) => count !== 0 && count !== 30)).toEqual([]);
    expect(follower.deltas).toHaveLength(1);
  });

  it("opens a new pod when the node holds its address", async () => {
    pods(["cart-1", "web-2"]);
    const controller = await control({ endpointHoldMs: 60_000 });
    await apply({ cart: policy("cart", "web") });
    await until(() => controller.status().generation === 1);
    await report({ revision: controller.status().revision });
    const follower = await follow();
    const { revision } = controller.status();
    pods(["cart-1", "web-2", "web-3"]);
    await until(() => follower.state()?.revision === revision + 1);
    const open = (): boolean => follower.state()?.tables.endpoints.has("shop/web-3") === true;
    expect([follower.state()?.tables.identities.size, open()]).toEqual([2, false]);
    await sleep(120);
    expect(open()).toBe(false);
    await report({ revision: revision + 1 });
    await until(open);
    expect(await controller.metrics.value("endpoints_unconfirmed_total")).toBe(0);
  });

  it("tells of failures as events", async () => {
    const events: Event[] = [];
    await bus.readTail({
      topic: topics.events.name,
      onBatch: ({ messages }) => {
        for (const { value } of messages) if (value) events.push(eventCodec.decode(value));
      },
    });
    await control();
    await apply({ cart: policy("cart", "web", 70_000) });
    await report({ error: "no room for rules", generation: 7 });
    await report({ error: "no room for rules", generation: 7 });
    await until(() => events.length === 2);
    await sleep(30);
    events.sort((a, b) => (a.kind < b.kind ? -1 : 1));
    expect(events.map(({ kind, namespace, node, text }) => [kind, namespace, node, text])).toEqual([
      [
        "policy-error",
        "shop",
        "",
        expect.stringMatching(/it is not in force: shop\/cart:6:.*70000/),
      ],
      ["policy-refused", "", "n1", expect.stringMatching(/generation 7 stays in force: no room/)],
    ]);
  });

  it("is what one compilation of everything gives, after any changes", async () => {
    const names = ["cart", "web", "db", "mail"];
    const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
    const controller = await control({ snapshotEveryDeltas: 4, snapshotPartBytes: 1024 });
    const follower = await follow();
    const wanted = new Map<string, string>();
    let present: string[] = [];
    for (let round = 0; round < 40; round++) {
      const name = any(names);
      if (Math.random() < 0.3) {
        present = names
          .map((one, at) => `${one}-${at + 1 + 10 * (round % 2)}`)
          .filter(() => Math.random() < 0.7);
        pods(present);
      }
      if (Math.random() < 0.3) wanted.delete(name);
      else wanted.set(name, policy(name, any(names), 80 + round));
      await apply({ [name]: wanted.get(name) ?? null });
      if (Math.random() < 0.5) await sleep(Math.random() * 10);
    }
    // Names that no round had: their presence says that no reading of the folder is still under way.
    present = names.map((one, at) => `${one}-${at + 31}`).slice(Math.floor(Math.random() * 3));
    pods(present);
    const texts = [...wanted.values()];
    const isThere = (): boolean =>
      follower.state()?.documents.size === texts.length &&
      texts.every((text) =>
        [...follower.state()!.documents.values()].some((one) => one.text === text),
      ) &&
      sorted([...follower.state()!.tables.endpoints.values()].map(({ pod }) => pod)) ===
        sorted(present);
    await until(isThere);
    await controller.settled();
    const all = compiledOfAll(present, texts);
    await until(() => follower.state()?.revision === controller.status().revision);
    expect(compiledOf(follower.state()!.tables)).toEqual(all);
    expect(compiledOf((await follow()).state()!.tables)).toEqual(all);
  });

  it("is one controller's at a time: a second one stands by, and goes on where the first stopped", async () => {
    pods(["web-1", "cart-2"]);
    const first = await control({ claimBeatMs: 10 });
    const starting = control({ claimBeatMs: 10 });
    const outcome = await Promise.race([starting, sleep(100, "standing by")]);
    expect(outcome).toBe("standing by");
    await apply({ cart: policy("cart", "web") });
    await until(() => first.status().generation === 1);
    await first.settled();
    const { revision } = first.status();
    await first.stop();
    const second = await starting;
    expect(second.status()).toMatchObject({ generation: 1, revision });
    await apply({ web: policy("web", "cart") });
    await until(() => second.status().generation === 2);
    expect((await follow()).state()?.generation).toBe(2);
  });
});

function sorted(names: readonly string[]): string {
  return names.toSorted().join();
}

function compiledOfAll(present: string[], texts: string[]): CompiledPolicy {
  const all = present.map((name) => ({
    ...{ namespace: "shop", name, labels: { app: name.replace(/-\d+$/, "") }, ports: [] },
    ...{ addresses: [`10.1.0.${Number(name.replace(/^\D+/, ""))}`], node: "n1" },
    ...{ hostNetwork: false, workload: name, workloadKind: "Pod" },
  }));
  const policies = texts.flatMap((text) => readManifests(text, "t").policies);
  return compile({ namespaces: { shop: {} }, pods: all, nodes: [] }, policies);
}
