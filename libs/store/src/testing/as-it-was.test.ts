import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAddress } from "@weir/codec";
import {
  policiesAtQuery,
  type PolicyHistoryRow,
  workloadsAtQuery,
  type WorkloadThen,
} from "@weir/query";
import type { Store } from "../contract.ts";
import { encodeRows } from "../tables/encode-rows.ts";
import { workloadRecords, type WorkloadRow } from "../tables/workloads.ts";
import { openTestStore } from "./engine.ts";
import { flowBlock, type TestFlow } from "./flows.ts";
import { temporaryDirectory } from "./temporary.ts";

const second = 1_000_000;
const t0 = Math.floor(Date.now() / 1000) * second - 7200 * second;
const at = (seconds: number) => t0 + seconds * second;
let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openTestStore(folder.path);
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

const life: WorkloadRow = {
  kind: "pod",
  namespace: "shop",
  name: "cart-1",
  uid: "u1",
  workload: "cart",
  workload_kind: "Deployment",
  node: "n1",
  addresses: [parseAddress("10.0.0.1")],
  labels: { tier: "web" },
  namespace_labels: {},
  host_network: false,
  ports: [{ name: "http", port: 80, protocol: 6 }],
  since: at(0),
  until: null,
  recorded: at(5),
};

describe("workloads as they were", () => {
  const then = async (seconds: number) => {
    const { sql, parameters } = workloadsAtQuery(at(seconds));
    const rows = await store.query<WorkloadThen>(sql, { parameters });
    return rows.map((row) => [row.uid, row.labels["tier"], row.addresses[0]]);
  };

  it("have the labels of that time, whatever came later, and an address has who held it then", async () => {
    const rows: WorkloadRow[] = [
      life,
      // Told again: nothing changes.
      { ...life, recorded: at(8) },
      { ...life, labels: { tier: "canary" }, recorded: at(60) },
      { ...life, labels: { tier: "canary" }, until: at(100), recorded: at(103) },
      // The address is used again, by a pod of the same name.
      { ...life, uid: "u2", since: at(101), recorded: at(102) },
    ];
    for (const [n, row] of rows.entries())
      await store.insertNative("workload_records", encodeRows(workloadRecords, [row]), `w:${n}`);
    expect(await then(-1)).toEqual([]);
    expect(await then(0)).toEqual([["u1", "web", "10.0.0.1"]]);
    expect(await then(59)).toEqual([["u1", "web", "10.0.0.1"]]);
    expect(await then(60)).toEqual([["u1", "canary", "10.0.0.1"]]);
    expect(await then(99)).toEqual([["u1", "canary", "10.0.0.1"]]);
    expect(await then(100)).toEqual([]);
    expect(await then(101)).toEqual([["u2", "web", "10.0.0.1"]]);
    expect(await then(7000)).toEqual([["u2", "web", "10.0.0.1"]]);
  });
});

describe("policies as they were", () => {
  beforeAll(async () => {
    const made = (seconds: number) => `fromUnixTimestamp64Micro(${at(seconds)})`;
    await store.command(`INSERT INTO policy_generations (generation, revision, mode, valid_from) VALUES
      (1, 1, 'enforce', ${made(10)}), (2, 2, 'enforce', ${made(20)}), (3, 3, 'enforce', ${made(30)})`);
    await store.command(`INSERT INTO policy_versions (namespace, name, generation, deleted, text) VALUES
      ('shop', 'db', 1, 0, 'text one'), ('shop', 'db', 2, 0, 'text two'), ('shop', 'db', 3, 1, ''),
      ('shop', 'cart', 2, 0, 'cart text')`);
  });

  it("are the texts in force at a time", async () => {
    const then = async (seconds: number) => {
      const { sql, parameters } = policiesAtQuery(at(seconds));
      const rows = await store.query<PolicyHistoryRow>(sql, { parameters });
      return rows.map((row) => row.text);
    };
    expect(await then(9)).toEqual([]);
    expect(await then(10)).toEqual(["text one"]);
    expect(await then(25)).toEqual(["cart text", "text two"]);
    expect(await then(31)).toEqual(["cart text"]);
  });

  it("join the flows that they decided", async () => {
    const flow = { time: at(15), source: { pod: "a" }, destination: { pod: "b" } };
    await store.insertNative(
      "flows",
      flowBlock([
        { ...flow, reason: "default-deny ingress (shop/db)", verdict: "denied" },
        { ...flow, reason: "observed" },
      ]),
      "judged",
    );
    const rows = await store.query(
      "SELECT src_pod, dst_pod, verdict, policy_namespace, policy_name, text FROM flow_policies",
    );
    expect(rows).toEqual([
      {
        src_pod: "a",
        dst_pod: "b",
        verdict: "denied",
        policy_namespace: "shop",
        policy_name: "db",
        text: "text one",
      },
    ]);
  });
});

describe("the view connections", () => {
  const cart = { kind: "pod", workload: "cart", ip: "10.0.1.1" };
  const db = { kind: "pod", workload: "db", ip: "10.0.1.2" };
  const service = { kind: "service", name: "db", ip: "10.96.0.1" };
  /** Rows of one port of the cart; the first packet is a millisecond before the time. */
  const row = (seconds: number, port: number, more: Partial<TestFlow>): TestFlow => ({
    time: at(seconds),
    source: { ...cart, port },
    destination: { ...db, port: 5432 },
    ...more,
  });
  const there = { direction: "egress", node: "n1" } as const;
  const here = { direction: "ingress", node: "n2" } as const;

  const ask = async (port: number) =>
    store.query(
      `SELECT seen, translated, dst_ip, dst_port, served_ip, served_port, bytes, opened, src_workload, dst_workload, src_node, dst_node
       FROM connections(since = {since:String}, until = {until:String}) WHERE src_port = {port:UInt16} ORDER BY start, dst_ip`,
      {
        parameters: {
          port,
          since: new Date(at(3000) / 1000).toISOString(),
          until: new Date(at(4000) / 1000).toISOString(),
        },
      },
    );

  beforeAll(async () => {
    const toService = { destination: { ...service, port: 5432 } };
    await store.insertNative(
      "flows",
      flowBlock([
        // 1: seen at both ends, the responder's clock a little ahead, in two rows at the initiator.
        row(3001, 1, { ...there, bytes: 40 }),
        row(3001.0004, 1, { ...there, bytes: 60, connections: 0 }),
        row(3001.2, 1, { ...here, bytes: 90 }),
        // The same port, ten minutes later: another connection.
        row(3601, 1, { ...there, bytes: 5 }),
        // 2: from outside, and one whose responder nobody watched.
        row(3001, 2, { ...here, source: { ip: "198.51.100.9", port: 2 } }),
        row(3001, 3, there),
        // 4: through a service.
        row(3001, 4, { ...there, ...toService, bytes: 70 }),
        row(3001.001, 4, { ...here, bytes: 70 }),
        // 5: through a service to one of two, which cannot be told.
        row(3001, 5, { ...there, ...toService }),
        row(3001.001, 5, here),
        row(3001.001, 5, { ...here, destination: { ...db, ip: "10.0.1.3", port: 5432 } }),
      ]),
      "connections",
    );
  });

  it("makes one of both observations, and tells connections of one port apart", async () => {
    expect(await ask(1)).toEqual([
      {
        seen: "both",
        translated: 0,
        dst_ip: "10.0.1.2",
        dst_port: 5432,
        served_ip: "10.0.1.2",
        served_port: 5432,
        bytes: 100,
        opened: 1,
        src_workload: "cart",
        dst_workload: "db",
        src_node: "n1",
        dst_node: "n2",
      },
      expect.objectContaining({ seen: "initiator", bytes: 5 }),
    ]);
  });

  it("says what it found no counterpart for", async () => {
    expect(await ask(2)).toEqual([
      expect.objectContaining({ seen: "responder", src_workload: "", dst_node: "n2" }),
    ]);
    expect(await ask(3)).toEqual([expect.objectContaining({ seen: "initiator", dst_node: "" })]);
  });

  it("follows a connection through the translation of a service", async () => {
    expect(await ask(4)).toEqual([
      expect.objectContaining({
        seen: "both",
        translated: 1,
        dst_ip: "10.96.0.1",
        served_ip: "10.0.1.2",
        dst_workload: "db",
        bytes: 70,
      }),
    ]);
  });

  it("does not guess where there is more than one counterpart", async () => {
    const rows = (await ask(5)) as { seen: string }[];
    expect(rows.map((one) => one.seen)).toEqual(["initiator", "responder", "responder"]);
  });

  it("is open to untrusted SQL", async () => {
    const chunks: Uint8Array[] = [];
    const sql = `SELECT count() AS n FROM connections(since = '2020-01-01T00:00:00Z', until = '2020-01-02T00:00:00Z')`;
    for await (const chunk of store.queryReadOnly(sql, "CSV")) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("0\n");
  });
});
