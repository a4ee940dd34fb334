import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAddress } from "@weir/codec";
import type { Store } from "../contract.ts";
import { openTestStore } from "../testing/engine.ts";
import { flowBlock } from "../testing/flows.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { deadLetters } from "./dead-letters.ts";
import { encodeRows } from "./encode-rows.ts";
import { events } from "./events.ts";
import { FlowRows } from "./flow-rows.ts";
import { flowColumns } from "./flows.ts";
import { ledger, odometerRows, odometers } from "./ledger.ts";
import { policyGenerations, policyVersions } from "./policies.ts";
import { workloadRecords } from "./workloads.ts";

let store: Store;
let folder: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openTestStore(folder.path);
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

interface EngineColumn {
  table: string;
  name: string;
  type: string;
  comment: string;
  default_kind: string;
}

const engineColumns = (where: string) =>
  store.query<EngineColumn>(
    `SELECT table, name, type, comment, default_kind FROM system.columns
     WHERE database = 'weir' AND table NOT LIKE '%\\_from\\_%' AND ${where} ORDER BY table, position`,
  );

describe("the tables of the engine and the definitions in here", () => {
  const tables = [
    policyGenerations,
    policyVersions,
    workloadRecords,
    ledger,
    odometers,
    events,
    deadLetters,
  ];
  it.each([
    ...tables.map(({ name, columns }) => ({ name, columns })),
    { name: "flows", columns: flowColumns },
  ])("agree on $name: every column, its type, the order", async ({ name, columns }) => {
    const inEngine = await engineColumns(`table = '${name}' AND default_kind != 'ALIAS'`);
    expect(inEngine.map((column) => [column.name, column.type])).toEqual(
      columns.map((column) => [column.name, column.type]),
    );
  });

  it("explain every table and every column", async () => {
    const columns = await engineColumns("1");
    expect(columns.length).toBeGreaterThan(150);
    expect(columns.filter((column) => column.comment === "")).toEqual([]);
    const bare = await store.query(
      "SELECT name FROM system.tables WHERE database = 'weir' AND comment = '' AND engine != 'MaterializedView'",
    );
    expect(bare).toEqual([]);
  });

  it("have the columns that the command line promises", async () => {
    const contract =
      "time, node, direction, src_ip, src_port, src_namespace, src_workload, src_pod, dst_ip, dst_port, dst_namespace, dst_workload, dst_pod, protocol, packets, bytes, reply_packets, reply_bytes, verdict, reason, generation";
    const names = (await engineColumns("table = 'flows'")).map((column) => column.name);
    expect(names).toEqual(expect.arrayContaining(contract.split(", ")));
    const shown = await store.query<{ name: string }>("SHOW TABLES");
    expect(shown.map((table) => table.name)).toEqual(
      expect.arrayContaining(
        "flows edges_1m edges_1h edges_1d events policies workloads ledger".split(" "),
      ),
    );
  });

  it("give the enums of flows the codes of bpf/wire.h", async () => {
    const header = await readFile(new URL("../../../../bpf/wire.h", import.meta.url), "utf8");
    for (const [column, prefix] of [
      ["direction", "WEIR_DIRECTION_|WEIR_"],
      ["verdict", "WEIR_VERDICT_|WEIR_"],
      ["kind", "WEIR_KIND_|WEIR_"],
      ["close_reason", "WEIR_CLOSE_"],
    ] as const) {
      const body = new RegExp(`enum weir_${column} \\{([^}]*)\\}`).exec(header)?.[1] ?? "";
      const codes = [...body.matchAll(new RegExp(`(?:${prefix})(\\w+) = (\\d+)`, "g"))].map(
        ([, symbol = "", code]) => `'${symbol.toLowerCase()}' = ${code}`,
      );
      const type = flowColumns.find((one) => one.name === column)?.type;
      expect(type).toBe(`Enum8(${codes.join(", ")})`);
    }
  });
});

describe("a row of flows", () => {
  const time = Date.now() * 1000;

  it("comes back with every value that was written", async () => {
    const party = { kind: "pod", namespace: "shop", workload: "cart", pod: "cart-1", name: "" };
    const other = { kind: "", namespace: "", workload: "", pod: "", name: "db.example.org" };
    const rows = new FlowRows(1);
    rows.append(
      {
        node: "n1",
        bootId: "b1",
        block: 2 ** 40,
        rules: [],
        processes: [
          {
            ...{ pid: 4_000_000_000, start: time - 7, comm: "node", cgroup_id: 2 ** 40 },
            ...{ executable: "/usr/bin/node", container: "c0ffee" },
          },
        ],
        names: ["db.example.org"],
        count: 2,
        time: Float64Array.of(0, time),
        first: Float64Array.of(0, time - 5),
        last: Float64Array.of(0, time - 1),
        sequence: Float64Array.of(0, 1),
        packets: Float64Array.of(0, 2 ** 33),
        bytes: Float64Array.of(0, 2 ** 50),
        replyPackets: Float64Array.of(0, 5),
        replyBytes: Float64Array.of(0, 600),
        addresses: new Uint8Array(0),
        srcAddrIndex: Uint32Array.of(0, 0),
        dstAddrIndex: Uint32Array.of(0, 0),
        words: {
          time: BigUint64Array.of(0n, BigInt(time)),
          first: BigUint64Array.of(0n, BigInt(time - 5)),
          last: BigUint64Array.of(0n, BigInt(time - 1)),
          sequence: BigUint64Array.of(0n, 1n),
          packets: BigUint64Array.of(0n, 2n ** 33n),
          bytes: BigUint64Array.of(0n, 2n ** 50n),
          replyPackets: BigUint64Array.of(0n, 5n),
          replyBytes: BigUint64Array.of(0n, 600n),
        },
        srcAddr: Uint8Array.from([...parseAddress("::"), ...parseAddress("10.0.0.1")]),
        dstAddr: Uint8Array.from([...parseAddress("::"), ...parseAddress("fd00::ffff:1.2.3.4")]),
        ifindex: Uint32Array.of(0, 4294967295),
        generation: Uint32Array.of(0, 7),
        rule: Uint32Array.of(0, 9),
        srcPort: Uint16Array.of(0, 65535),
        dstPort: Uint16Array.of(0, 443),
        cpu: Uint16Array.of(0, 1),
        protocol: Uint8Array.of(0, 132),
        direction: Uint8Array.of(0, 2),
        verdict: Uint8Array.of(0, 2),
        reason: Uint8Array.of(0, 6),
        kind: Uint8Array.of(0, 3),
        flags: Uint8Array.of(0, 1 | 2 | 8 | 32),
        tcpFlags: Uint8Array.of(0, 0x12),
        replyTcpFlags: Uint8Array.of(0, 0xff),
        connections: Uint8Array.of(0, 1),
        process: Uint32Array.of(0, 1),
        handshakeRttUs: Uint32Array.of(0, 250),
        srttUs: Uint32Array.of(0, 4294967295),
        retransmits: Uint32Array.of(0, 3),
        firstByteUs: Uint32Array.of(7, 0),
        dns: Uint32Array.of(0, 1),
        closeReason: Uint8Array.of(0, 2),
      },
      1,
      2,
      {
        sources: Uint32Array.of(0, rows.source(party)),
        destinations: Uint32Array.of(0, rows.destination(other)),
        reasons: Uint32Array.of(0, rows.reason("default-deny ingress")),
      },
    );
    await store.insertNative("flows", rows.encode(), "every value");
    const at = (micros: number) =>
      new Date(micros / 1000)
        .toISOString()
        .replace("Z", `${String(micros % 1000).padStart(3, "0")}Z`);
    expect(await store.query("SELECT * FROM flows WHERE node = 'n1'")).toEqual([
      {
        time: at(time),
        start: at(time - 5),
        last: at(time - 1),
        node: "n1",
        boot_id: "b1",
        block: 2 ** 40,
        kind: "denied_edge",
        direction: "ingress",
        src_addr: "::ffff:10.0.0.1",
        src_ip: "10.0.0.1",
        src_port: 65535,
        src_kind: "pod",
        src_namespace: "shop",
        src_workload: "cart",
        src_pod: "cart-1",
        src_name: "",
        dst_addr: "fd00::ffff:102:304",
        dst_ip: "fd00::ffff:102:304",
        dst_port: 443,
        dst_kind: "",
        dst_namespace: "",
        dst_workload: "",
        dst_pod: "",
        dst_name: "db.example.org",
        protocol: "SCTP",
        connections: 1,
        packets: 2 ** 33,
        bytes: 2 ** 50,
        reply_packets: 5,
        reply_bytes: 600,
        verdict: "denied",
        reason: "default-deny ingress",
        generation: 7,
        answered: true,
        refused: false,
        guessed: true,
        fragments: true,
        tcp_flags: 0x12,
        reply_tcp_flags: 0xff,
        ifindex: 4294967295,
        handshake_rtt_us: 250,
        srtt_us: 4294967295,
        first_byte_us: null,
        retransmits: 3,
        close_reason: "reset_by_source",
        before_start: true,
        process_pid: 4_000_000_000,
        process_start: at(time - 7),
        process_comm: "node",
        process_executable: "/usr/bin/node",
        process_cgroup_id: 2 ** 40,
        process_container: "c0ffee",
        dns_name: "db.example.org",
      },
    ]);
    const none = new Uint32Array(0);
    const names = { sources: none, destinations: none, reasons: none };
    expect(() => rows.append({} as Parameters<FlowRows["append"]>[0], 0, 1, names)).toThrow(
      "1 rows",
    );
  });

  it("is found by its address as people write it, with the help of the index", async () => {
    const block = flowBlock([
      { time, source: { ip: "192.0.2.7" }, destination: { ip: "2001:db8::7" } },
    ]);
    await store.insertNative("flows", block, "by address");
    for (const where of ["src_ip = '192.0.2.7'", "dst_ip = '2001:db8::7'"]) {
      expect(await store.query(`SELECT count() AS n FROM flows WHERE ${where}`)).toEqual([
        { n: 1 },
      ]);
      const plan = await store.query<{ explain: string }>(
        `EXPLAIN indexes = 1 SELECT count() FROM flows WHERE ${where}`,
      );
      const text = plan.map((line) => line.explain).join("\n");
      expect(text).toMatch(new RegExp(`Name: ${where.slice(0, 6)}_bloom[^]*Parts: 1/`));
    }
  });

  it("prints protocols by name, or number", async () => {
    const flows = [1, 6, 17, 58, 253].map((protocol) => ({ time, protocol, node: "protocols" }));
    await store.insertNative("flows", flowBlock(flows), "protocols");
    const rows = await store.query<{ p: string }>(
      "SELECT protocol AS p FROM flows WHERE node = 'protocols' ORDER BY p",
    );
    expect(rows.map((row) => row.p)).toEqual(["253", "ICMP", "ICMPv6", "TCP", "UDP"]);
  });
});

describe("the roll-ups", () => {
  it("drop pods, addresses and the client's port, and keep the two views apart", async () => {
    const time = Math.floor(Date.now() / 86_400_000) * 86_400_000_000 + 1;
    const seen = (direction: "egress" | "ingress", at: number) => ({
      time: time + at,
      direction,
      packets: 2,
      bytes: 20,
      source: { kind: "pod", namespace: "r", workload: "a", pod: `a-${at}`, port: 1000 + at },
      destination: { kind: "pod", namespace: "r", workload: "b", pod: `b-${at}`, port: 80 },
    });
    const flows = Array.from({ length: 100 }, (_, at) => [seen("egress", at), seen("ingress", at)]);
    await store.insertNative("flows", flowBlock(flows.flat()), "both views");
    // Late rows of the same minute are added.
    await store.insertNative("flows", flowBlock([seen("egress", 7)]), "late");
    for (const table of ["edges_1m", "edges_1h", "edges_1d"]) {
      expect(
        await store.query(
          `SELECT direction, src_workload, dst_workload, dst_port, sum(connections) AS c, sum(packets) AS p, sum(bytes) AS b, sum(answered) AS a, sum(rows) AS r
           FROM ${table} FINAL WHERE src_namespace = 'r' GROUP BY ALL ORDER BY direction`,
        ),
      ).toEqual(
        [
          ["egress", 101],
          ["ingress", 100],
        ].map(([direction, n]) => ({
          direction,
          src_workload: "a",
          dst_workload: "b",
          dst_port: 80,
          c: n,
          p: Number(n) * 2,
          b: Number(n) * 20,
          a: n,
          r: n,
        })),
      );
      const rows = await store.query(`SELECT * FROM ${table} FINAL WHERE src_namespace = 'r'`);
      expect(rows).toHaveLength(2);
    }
  });
});

describe("policies and workloads", () => {
  it("show each text with the time in which it was in force", async () => {
    const row = { revision: 1, mode: "enforce", namespace: "shop", name: "cart" } as const;
    const generations = encodeRows(policyGenerations, [
      { ...row, generation: 1, validFrom: 1_000_000 },
      { ...row, generation: 2, validFrom: 2_000_000 },
      { ...row, generation: 2, validFrom: 2_500_000, revision: 9 },
      { ...row, generation: 3, validFrom: 3_000_000 },
      { ...row, generation: 5, validFrom: 5_000_000 },
    ]);
    const versions = encodeRows(policyVersions, [
      { ...row, generation: 1, deleted: false, text: "one" },
      { ...row, name: "web", generation: 1, deleted: false, text: "web" },
      { ...row, generation: 2, deleted: false, text: "two" },
      { ...row, generation: 2, deleted: false, text: "two" },
      { ...row, generation: 3, deleted: true, text: "" },
    ]);
    await store.insertNative("policy_generations", generations, "generations");
    await store.insertNative("policy_versions", versions, "versions");
    expect(
      await store.query(
        "SELECT generation, valid_until FROM policies WHERE name = 'web' ORDER BY 1",
      ),
    ).toMatchObject([
      { generation: 1 },
      { generation: 2 },
      { generation: 3 },
      { generation: 5, valid_until: null },
    ]);
    expect(
      await store.query("SELECT * FROM policies WHERE name = 'cart' ORDER BY generation"),
    ).toEqual([
      {
        ...row,
        generation: 1,
        text: "one",
        valid_from: "1970-01-01T00:00:01.000000Z",
        valid_until: "1970-01-01T00:00:02.000000Z",
      },
      {
        ...row,
        generation: 2,
        revision: 9,
        text: "two",
        valid_from: "1970-01-01T00:00:02.000000Z",
        valid_until: "1970-01-01T00:00:03.000000Z",
      },
    ]);
  });

  it("show the latest record of a life, with addresses and ports as people write them", async () => {
    const life = {
      kind: "pod",
      namespace: "shop",
      name: "cart-1",
      uid: "u1",
      workload: "cart",
      workload_kind: "Deployment",
      node: "n1",
      addresses: [parseAddress("10.0.0.1"), parseAddress("fd00::1")],
      labels: { app: "cart", "a/b": "ü" },
      namespace_labels: {},
      host_network: false,
      ports: [
        { name: "http", port: 80, protocol: 6 },
        { name: "", port: 53, protocol: 17 },
      ],
      since: 1_000_000,
    } as const;
    const rows = [
      { ...life, until: null, recorded: 1 },
      { ...life, until: 5_000_000, recorded: 2 },
    ].map((row) => ({ ...row, addresses: [...row.addresses], ports: [...row.ports] }));
    for (const [at, row] of rows.entries())
      await store.insertNative("workload_records", encodeRows(workloadRecords, [row]), `w${at}`);
    expect(await store.query("SELECT * FROM workloads WHERE uid = 'u1'")).toEqual([
      {
        kind: "pod",
        namespace: "shop",
        name: "cart-1",
        uid: "u1",
        workload: "cart",
        workload_kind: "Deployment",
        node: "n1",
        addresses: ["10.0.0.1", "fd00::1"],
        labels: { app: "cart", "a/b": "ü" },
        namespace_labels: {},
        host_network: false,
        ports: ["http 80/TCP", "53/UDP"],
        since: "1970-01-01T00:00:01.000000Z",
        until: "1970-01-01T00:00:05.000000Z",
      },
    ]);
  });
});

describe("the ledger and dead letters", () => {
  it("take a report of a collector and its odometers", async () => {
    const report = {
      node: "n1",
      boot_id: "b1",
      time: Date.now() * 1000,
      version: "0.1.0",
      generation: 1,
      revision: 2,
      mode: "shadow" as const,
      error: null,
      attached: ["veth1 (shop/cart-0)"],
      hooks: { tcx: "ok" },
      blocks: 3,
      produced: 400,
      lost: { ring: 1 },
      counters: {},
      odometers: [
        {
          ifindex: 4,
          interface: "veth1",
          namespace: "shop",
          pod: "cart-0",
          from_packets: 1,
          from_bytes: 2,
          to_packets: 3,
          to_bytes: 4,
          other_packets: 5,
          malformed_packets: 6,
          malformed_bytes: 7,
          untracked_packets: 8,
          untracked_bytes: 9,
          denied_packets: 2 ** 52,
          untracked_connections: 11,
          late_edges: 12,
        },
      ],
    };
    await store.insertNative("ledger", encodeRows(ledger, [report]), "l");
    await store.insertNative("odometers", encodeRows(odometers, odometerRows(report)), "o");
    const { time: _time, odometers: sent, ...rest } = report;
    const [row] = await store.query("SELECT * EXCEPT (time) FROM ledger");
    expect(row).toEqual({ ...rest, error: "" });
    const [odometer] = await store.query("SELECT * EXCEPT (time) FROM odometers");
    expect(odometer).toEqual({ ...sent[0], node: "n1", boot_id: "b1" });
  });

  it("keep a dead letter's bytes", async () => {
    const letter = {
      topic: "t",
      partition: 1,
      offset: 2,
      function: "f",
      reason: "r",
      time: Date.now() * 1000,
      key: null,
      value: Uint8Array.of(0, 255, 10),
    };
    await store.insertNative("dead_letters", encodeRows(deadLetters, [letter]), "d");
    expect(await store.query("SELECT hex(value) AS v, key FROM dead_letters")).toEqual([
      { v: "00FF0A", key: "" },
    ]);
  });
});
