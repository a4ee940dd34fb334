import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Completeness } from "@weir/query";
import { createMetrics } from "@weir/runtime";
import { type Store, encodeRows, ledger } from "@weir/store";
import type { ReachAnswer, ReplayAnswer } from "./answers.ts";
import { createCompleteness } from "./completeness.ts";
import { apiConfig } from "./config.ts";
import { type Bed, openBed, report } from "./testing.ts";

/** On a busy machine too the verdict is waited for. */
const patient = { completeness: { maxWaitMs: 60_000 } };
const settings = apiConfig.parse(patient).completeness;
/** Longer than an answer of this second is given again. */
const forgetMs = 1100;

/**
 * Five blocks of ten flows of one node, in the middle of the five minutes before `endMs`, and a report
 * every ten seconds.
 */
async function write(store: Store, node: string, endMs: number): Promise<void> {
  const first = endMs - 270_000;
  await store.command(`INSERT INTO flows
    (time, start, last, node, boot_id, block, direction, src_kind, src_namespace, src_workload, dst_workload, dst_port, protocol, connections, bytes)
    SELECT fromUnixTimestamp64Milli(${first}, 'UTC') + intDiv(number, 10) * 60 AS at, at, at, '${node}', 'b', intDiv(number, 10) + 1,
      'egress', 'pod', 'shop', 'cart', 'db', 80, 'TCP', 1, 100 FROM numbers(50)`);
  const reports = Array.from({ length: 36 }, (_, at) => endMs - 355_000 + at * 10_000).map(
    (time) => {
      const blocks = Math.min(5, Math.max(0, Math.floor((time - first) / 60_000) + 1));
      const counts = { blocks, produced: blocks * 10, counters: { last_block: blocks } };
      return { ...report, node, time: time * 1000, ...counts };
    },
  );
  await store.insertNative(ledger.name, encodeRows(ledger, reports), `reports of ${node}`);
}

async function deleteBlock(store: Store, node: string, block: number): Promise<void> {
  await store.command(
    `ALTER TABLE flows DELETE WHERE node = '${node}' AND block = ${block} SETTINGS mutations_sync = 2`,
  );
}

describe("every answer from the history", () => {
  let bed: Bed;
  // A minute that is over, and all of it in the store.
  const endMs = Math.floor(Date.now() / 60_000) * 60_000 - 60_000;
  const since = new Date(endMs - 320_000).toISOString();
  const policy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: p}
spec: {podSelector: {matchLabels: {app: cart}}, ingress: [{}]}
`;

  beforeAll(async () => {
    bed = await openBed(patient);
    await write(bed.store, "n1", endMs);
    await bed.store.command(`INSERT INTO workload_records
      (kind, namespace, name, uid, workload, labels, addresses, port_names, port_numbers, port_protocols, since, recorded) VALUES
      ('pod', 'shop', 'cart-0', 'cart', 'cart', {'app': 'cart'}, ['::ffff:10.0.0.1'], ['http'], [80], ['TCP'], '2026-01-01 00:00:00', '2026-01-01 00:00:00')`);
  });
  afterAll(async () => bed[Symbol.asyncDispose]());

  const header = (answer: Response): Completeness => {
    expect(answer.status).toBe(200);
    return JSON.parse(answer.headers.get("weir-completeness") ?? "null") as Completeness;
  };
  /** The fourth block's flows are of 90 s before the end. */
  const [justBefore, at] = [97_000, 70_000].map((ms) => new Date(endMs - ms).toISOString());
  const asked: [string, () => Promise<Completeness>][] = [
    ["flows", async () => header(await bed.get(`/v1/flows?since=${since}`))],
    ["flows at a time", async () => header(await bed.get(`/v1/flows?at=${justBefore}`))],
    ["edges", async () => header(await bed.get(`/v1/edges?since=${since}`))],
    ["edges at a time", async () => header(await bed.get(`/v1/edges?at=${at}`))],
    ["suggestions", async () => header(await bed.get(`/v1/suggestions?since=${since}`))],
    ["sql", async () => header(await bed.post("/v1/sql", { query: "SELECT 1 FROM flows" }))],
    [
      "reach",
      async () => {
        const answer = await bed.get(`/v1/reach?to=shop/cart&at=${at}`);
        return ((await answer.json()) as ReachAnswer).completeness;
      },
    ],
    [
      "replay",
      async () => {
        const body = { files: [{ file: "p.yaml", text: policy }], since };
        return ((await (await bed.post("/v1/replay", body)).json()) as ReplayAnswer).completeness;
      },
    ],
  ];

  it.each(asked)("is complete: %s", async (_name, ask) => {
    expect(await ask()).toMatchObject({ verdict: "complete", lost: {}, unexplained: 0, nodes: [] });
  });

  describe("when a block is gone", () => {
    beforeAll(async () => {
      await deleteBlock(bed.store, "n1", 4);
      await sleep(forgetMs);
    });

    it.each(asked)("says what is missing, of whom and when: %s", async (_name, ask) => {
      const verdict = await ask();
      expect(verdict).toMatchObject({ verdict: "incomplete", lost: {}, unexplained: 10 });
      const [from, to] = [95_000, 85_000].map((ms) => new Date(endMs - ms).toISOString());
      expect(verdict.nodes).toEqual([
        {
          ...{ node: "n1", lost: {}, unexplained: 10 },
          from: expect.stringContaining((from as string).slice(0, 19)),
          to: expect.stringContaining((to as string).slice(0, 19)),
        },
      ]);
    });

    it("says nothing of it where it is not asked about", async () => {
      const early = new Date(endMs - 200_000).toISOString();
      const before = await bed.get(`/v1/flows?since=${since}&until=${early}`);
      expect(header(before).verdict).toBe("complete");
      const filter = encodeURIComponent("node = n2");
      const other = await bed.get(`/v1/flows?since=${since}&filter=${filter}`);
      expect(header(other)).toMatchObject({ verdict: "unknown", nodes: [] });
      const plain = await bed.post("/v1/sql", { query: "SELECT name FROM workloads" });
      expect(plain.headers.get("weir-completeness")).toBeNull();
    });
  });

  it("refuses a time and a range at once", async () => {
    for (const path of ["flows", "edges"])
      expect((await bed.get(`/v1/${path}?at=1m&since=5m`)).status).toBe(400);
    expect((await bed.get("/v1/flows?at=1m&cursor=1-1")).status).toBe(400);
  });

  it("tells which minute, hour or day edges at a time are of", async () => {
    const minute = await bed.get(`/v1/edges?at=${at}&by=dst.port`);
    expect(minute.headers.get("weir-bucket")).toMatch(/^minute .*:00\.000Z\/.*:00\.000Z$/);
    const longAgo = await bed.get("/v1/edges?at=2020-01-01T10:20:30Z");
    expect(longAgo.headers.get("weir-bucket")).toBe(
      "day 2020-01-01T00:00:00.000Z/2020-01-02T00:00:00.000Z",
    );
  });
});

describe("the verdict on a range", () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await openBed(patient);
  });
  afterAll(async () => bed[Symbol.asyncDispose]());
  const open = (store: Partial<Store>, more: Partial<typeof settings> = {}) =>
    createCompleteness(store as Store, { ...settings, ...more }, createMetrics("api"));

  it("is unknown where nothing was ever written, and of the last seconds", async () => {
    await using completeness = open(bed.store);
    expect((await completeness.of({ since: 0 })).because).toBe("no node reported in that time");
    const now = Date.now() * 1000;
    await bed.store.command("INSERT INTO flows (time, node) SELECT now64(6, 'UTC'), 'n1'");
    await sleep(forgetMs);
    expect((await completeness.of({ since: now - 60_000_000 })).because).toContain("so recent");
    await write(bed.store, "n1", Date.now() - 20_000);
    await sleep(forgetMs);
    expect((await completeness.of({ since: now })).because).toContain("so recent");
    expect((await completeness.of({})).verdict).toBe("complete");
  });

  it("of a long time is that of its hours and days, and names old flows that are dropped", async () => {
    const day = 86_400_000;
    const fiveOClock = Math.floor((Date.now() - 3 * day) / day) * day + 5 * 3_600_000;
    await write(bed.store, "n2", fiveOClock);
    // Whole hours are remembered: the history begins before the one that counts here.
    const first = { ...report, node: "n2", counters: { last_block: 0 } };
    const before = [{ ...first, time: (fiveOClock - 3 * 3_600_000) * 1000 }];
    await bed.store.insertNative(ledger.name, encodeRows(ledger, before), "first report of n2");
    await using completeness = open(bed.store);
    const now = Date.now() * 1000;
    const week = { since: now - 7 * day * 1000 };
    expect((await completeness.of(week)).verdict).toBe("complete");
    await deleteBlock(bed.store, "n2", 2);
    // Remembered; whoever asks anew counts anew.
    expect((await completeness.of({ ...week, until: now })).verdict).toBe("complete");
    await using anew = open(bed.store);
    expect(await anew.of(week)).toMatchObject({ verdict: "incomplete", unexplained: 10 });
    expect((await anew.of({})).unexplained).toBe(10);

    const reports = [40, 39].map((days, blocks) => ({
      ...{ ...report, node: "n0", blocks, produced: blocks, counters: { last_block: blocks } },
      time: now - days * day * 1000,
    }));
    await bed.store.insertNative(ledger.name, encodeRows(ledger, reports), "old reports");
    await using older = open(bed.store);
    const old = await older.of({ since: now - 50 * day * 1000, until: now - 35 * day * 1000 });
    expect(old).toMatchObject({
      verdict: "unknown",
      because: expect.stringContaining("sums only"),
    });
  });

  it("is not waited for, and not counted for too many at once", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = { query: async (sql: string) => held.then(() => bed.store.query(sql)) };
    await using completeness = open(slow as Partial<Store>, { maxWaitMs: 1, maxCounting: 2 });
    const late = await Promise.all([completeness.of({}), completeness.of({})]);
    expect(late.map((one) => one.because)).toEqual(Array(2).fill(expect.stringContaining("still")));
    expect((await completeness.of({})).because).toContain("too many");
    release();
  });

  it("is unknown where the store fails", async () => {
    const broken = { query: () => Promise.reject(new Error("away")) };
    await using completeness = open(broken);
    expect(await completeness.of({ since: 1 })).toMatchObject({
      ...{ verdict: "unknown", because: expect.stringContaining("away") },
    });
  });
});
