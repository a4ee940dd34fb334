import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Controller, controllerConfig, startController } from "@weir/controller";
import { silentLog } from "@weir/runtime";
import { encodeRows, ledger } from "@weir/store";
import type { EnactedAnswer, ReplayAnswer } from "./answers.ts";
import { type Bed, followAsNode, openBed, pod, report, sendWorkloads } from "./testing.ts";

const policy = (name: string, port: number): string => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: ${name}}
spec:
  podSelector: {matchLabels: {app: database}}
  ingress: [{from: [{podSelector: {matchLabels: {app: cart}}}], ports: [{port: ${port}}]}]
`;

describe("a replay", () => {
  let bed: Bed;
  let controller: Controller;
  let generation: number;
  const nowMs = Date.now();
  const agoMs = (seconds: number): number => nowMs - seconds * 1000;

  /** One answered or denied connection of shop/cart to shop/database, as the database saw it. */
  const flow = (port: number, seconds: number, denied: boolean, of: number): Promise<void> => {
    const at = `fromUnixTimestamp64Milli(${agoMs(seconds)}, 'UTC')`;
    return bed.store.command(`INSERT INTO flows
      (time, start, last, node, boot_id, block, direction, verdict, reason, protocol, connections,
       answered, generation, src_addr, src_port, src_kind, src_namespace, src_workload,
       dst_addr, dst_port, dst_kind, dst_namespace, dst_workload)
      SELECT ${at}, ${at}, ${at}, 'n1', 'b', 1, 'ingress', '${denied ? "denied" : "allowed"}', '', 'TCP', 1,
       ${denied ? 0 : 1}, ${of}, toIPv6('::ffff:10.0.0.1'), 40000, 'pod', 'shop', 'cart',
       toIPv6('::ffff:10.0.0.2'), ${port}, 'pod', 'shop', 'database'`);
  };
  const ask = async (text: string): Promise<ReplayAnswer> => {
    const answer = await bed.post("/v1/replay", { files: [{ file: "p.yaml", text }] });
    return (await answer.json()) as ReplayAnswer;
  };

  beforeAll(async () => {
    bed = await openBed({ apply: { confirmTimeoutMs: 2000 } });
    const config = controllerConfig.parse({ labs: false, host: false, rescanMs: 50 });
    controller = await startController(config, { bus: bed.bus, log: silentLog() });
    await sendWorkloads(bed.bus, pod("cart", "10.0.0.1"), pod("database", "10.0.0.2"));
    await followAsNode(bed.bus, "n1");
    const files = [{ file: "p.yaml", text: policy("database", 5432) }];
    const applied = (await (await bed.post("/v1/policies", { files })).json()) as EnactedAnswer;
    generation = applied.generation;
    // Before there was a policy; then under it.
    await flow(22, 100, false, 0);
    await flow(5432, 60, false, generation);
    await flow(6379, 50, true, generation);
  });
  afterAll(async () => {
    await controller.stop();
    await bed[Symbol.asyncDispose]();
  });

  it("says what replacing a policy would have changed, and changes nothing", async () => {
    const before = await (await bed.get("/v1/policies")).text();
    const edge = { from: "shop/cart", to: "shop/database", protocol: "TCP", connections: 1 };
    const seen = (port: number, seconds: number): object => {
      const time = new Date(agoMs(seconds)).toISOString();
      return { ...edge, port, first: time, last: time };
    };
    expect(await ask(policy("database", 6379))).toEqual({
      connections: 3,
      unchanged: 0,
      newlyDenied: [seen(22, 100), seen(5432, 60)],
      newlyAllowed: [seen(6379, 50)],
      inForce: { rows: 2, disagreements: 0 },
      unjudged: 0,
      complete: false,
      completeness: expect.objectContaining({ verdict: "unknown" }),
    });
    expect(await (await bed.get("/v1/policies")).text()).toBe(before);
  });

  it("keeps the policies in force beside a new one", async () => {
    const { unchanged, newlyDenied, newlyAllowed } = await ask(policy("more", 22));
    expect({ unchanged, newlyDenied, newlyAllowed }).toEqual({
      unchanged: 3,
      newlyDenied: [],
      newlyAllowed: [],
    });
  });

  it("shows where the kernel did otherwise than the policies in force say", async () => {
    await flow(9999, 40, false, generation);
    expect((await ask(policy("more", 22))).inForce).toEqual({ rows: 3, disagreements: 1 });
  });

  it("is complete where the ledger is", async () => {
    const reports = [0, 4].map((produced, at) => ({
      ...report,
      time: agoMs(150 - at * 130) * 1000,
      blocks: at,
      produced,
      counters: { last_block: at },
    }));
    await bed.store.insertNative(ledger.name, encodeRows(ledger, reports), "reports");
    // An answer of the same second may be the one from before.
    await sleep(1100);
    expect((await ask(policy("more", 22))).complete).toBe(true);
  });

  it("refuses what apply would refuse", async () => {
    const files = [{ file: "p.yaml", text: policy("database", 70_000) }];
    const refused = await bed.post("/v1/replay", { files });
    expect(refused.status).toBe(422);
    expect(await refused.text()).toMatch(/p\.yaml:6:\d+: error: .*70000/);
    const fine = [{ file: "p.yaml", text: policy("database", 1) }];
    expect((await bed.post("/v1/replay", { files: fine, since: "yesterday" })).status).toBe(400);
    expect((await bed.post("/v1/replay", { since: "1h" })).status).toBe(400);
  });
});
