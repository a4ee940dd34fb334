import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeReport, Odometer } from "@weir/codec";
import type { Collector } from "@weir/collector";
import { startGenerator } from "@weir/test-load";
import type { Burst, Generated, Part } from "@weir/test-load";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { Datapath, drop, loopback, pass, total } from "./datapath.ts";
import { frame, protocol, tcp, tcpFlag, udp } from "./frame.ts";
import { RecordingBus, start } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

const { syn, ack, rst } = tcpFlag;
const pod = "10.1.0.1";
const other = "10.1.0.2";

const out = (port: number, bytes = 0) =>
  frame({ src: pod, dst: other, protocol: protocol.udp, payload: udp(port, 53, bytes) });
const back = (port: number, bytes = 0) =>
  frame({ src: other, dst: pod, protocol: protocol.udp, payload: udp(53, port, bytes) });
const segment = (port: number, flags: number, reply = false) =>
  frame({
    ...(reply ? { src: other, dst: pod } : { src: pod, dst: other }),
    protocol: protocol.tcp,
    payload: reply ? tcp(80, port, flags) : tcp(port, 80, flags),
  });

/** Settings that are no times. */
function tune(datapath: Datapath, values: Record<string, number | bigint>): void {
  const map = datapath.object.map("settings").typed<number, Record<string, bigint | number>>();
  map.set(0, { ...map.get(0), ...values });
}

function rest(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

describe("an interface's share of the flow map", () => {
  it("is four fifths of it for one alone; the rest is counted, and stays free", () => {
    using datapath = new Datapath({ flows: 1000 });
    // It stays watched: nothing is deleted, and no entry passed over for that.
    datapath.setEndpoint(loopback, "observe");
    tune(datapath, { flows_max: 1000, flows_share: 4 });
    for (let port = 1; port <= 3000; port++) datapath.from(out(port));
    expect(total(datapath.records()).packets).toBe(800);
    expect(datapath.odometer()).toMatchObject({
      ...{ from_packets: 3000, untracked_packets: 2200, untracked_connections: 2200 },
    });
    expect(datapath.dropped("WEIR_DROP_FLOW_SHARE")).toBe(2200);
    expect(datapath.dropped("WEIR_DROP_MAP_FULL")).toBe(0);
  });

  it("leaves a connection without an entry its verdict: replies pass where only the pod may begin", () => {
    using datapath = new Datapath({ flows: 64 });
    tune(datapath, { flows_max: 10, flows_share: 4 });
    datapath.setEndpoint(loopback, "enforce");
    const identity = 77;
    const addr = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 2);
    datapath.enforce({
      ...{ mode: "enforce", generation: 1 },
      endpoints: [{ ifindex: loopback, ingress: 1, egress: 2 }],
      identities: [{ addr, identity }],
      rules: [{ ruleSet: 2, identity, prefixBits: 64, rule: 5 }],
    });
    for (let port = 1; port <= 50; port++) {
      expect(datapath.from(out(port))).toBe(pass);
      expect(datapath.to(back(port))).toBe(pass);
    }
    // Nobody asked for this one.
    expect(datapath.to(back(51))).toBe(drop);
    const { untracked_packets: untracked = 0, untracked_connections: connections } =
      datapath.odometer();
    expect(connections).toBe(50 - 8 + 1);
    expect(total(datapath.records()).packets + untracked).toBe(101);
  });

  it("is given to a connection that had none as soon as there is room", () => {
    using datapath = new Datapath({ flows: 64 });
    tune(datapath, { flows_max: 10, flows_share: 4 });
    for (let port = 1; port <= 9; port++) datapath.from(out(port, 10));
    // The eight with an entry are told and forgotten: idle for longer than a nanosecond.
    tune(datapath, { udp_timeout_ns: 16n });
    rest(20);
    expect(total(datapath.expire())).toMatchObject({ packets: 8 });
    tune(datapath, { udp_timeout_ns: 0n });
    datapath.from(out(9, 10));
    datapath.to(back(9, 10));
    expect(datapath.records()).toMatchObject([{ packets: 1, replyPackets: 1, connections: 1 }]);
    expect(datapath.odometer()).toMatchObject({ untracked_packets: 1 });
  });

  it("is not held by what rests while the interface wants more", () => {
    using datapath = new Datapath({ flows: 64 });
    tune(datapath, { flows_max: 10, flows_share: 4 });
    datapath.set("udp_timeout_ns", 1600);
    for (let port = 1; port <= 8; port++) datapath.from(out(port));
    rest(150);
    expect(total(datapath.sweep())).toMatchObject({ packets: 8 });
    expect([...datapath.object.map("flows").entries()]).toHaveLength(8);
    datapath.from(out(9));
    datapath.expire();
    expect([...datapath.object.map("flows").entries()]).toEqual([]);
  });

  it("comes back with each entry that is deleted", () => {
    using datapath = new Datapath({ flows: 64 });
    tune(datapath, { flows_max: 20, flows_share: 4 });
    for (let round = 0; round < 5; round++) {
      for (let port = 1; port <= 30; port++) datapath.from(out(100 * round + port));
      expect(total(datapath.sweep({ flush: true })).packets).toBe(16);
    }
    expect([...datapath.object.map("flows").entries()]).toEqual([]);
    const [use] = datapath.object.map("flow_use").typed<number, { live: bigint }>().entries();
    expect(use?.[1].live).toBe(0n);
  });
});

describe("an interface's budget of edges", () => {
  it("delays what exceeds it: the sweep tells all of it, and the interface has the blame", () => {
    using datapath = new Datapath();
    // A hundred at once, and then one a second.
    tune(datapath, { edge_interval_ns: 10n ** 9n, edge_burst_ns: 100n * 10n ** 9n });
    for (let port = 1; port <= 200; port++) {
      datapath.from(segment(port, syn));
      datapath.to(segment(port, rst | ack, true));
    }
    const edges = datapath.edges();
    expect(edges.length).toBeGreaterThanOrEqual(99);
    expect(edges.length).toBeLessThanOrEqual(105);
    const late = 200 - edges.length;
    expect(datapath.odometer()).toMatchObject({ late_edges: late });
    expect(datapath.dropped("WEIR_DROP_EDGE_BUDGET")).toBe(late);
    expect(datapath.dropped("WEIR_DROP_RING_FULL")).toBe(0);
    expect(total([...edges, ...datapath.sweep({ flush: true })])).toEqual({
      ...{ packets: 400, bytes: 16_000, connections: 200 },
    });
  });

  it("says how many lives were told with the one that came after", () => {
    using datapath = new Datapath();
    tune(datapath, { edge_interval_ns: 10n ** 9n, edge_burst_ns: 1n });
    datapath.from(segment(7, syn));
    datapath.to(segment(7, rst | ack, true));
    // The same ports again: the first life was not told.
    datapath.from(segment(7, syn));
    expect(datapath.dropped("WEIR_DROP_EDGE_MERGED")).toBe(1);
    expect(total(datapath.records())).toEqual({ packets: 3, bytes: 120, connections: 2 });
  });

  it("tells more lives than one record can count", () => {
    using datapath = new Datapath();
    tune(datapath, { edge_interval_ns: 10n ** 9n, edge_burst_ns: 1n });
    for (let life = 0; life < 600; life++) {
      datapath.from(segment(7, syn));
      datapath.to(segment(7, rst | ack, true));
    }
    // Nobody watches it any more: the entry goes once all of it is told.
    const told = [1, 2, 3, 4].flatMap(() => datapath.sweep({ flush: true }));
    expect(total(told)).toEqual({ packets: 1200, bytes: 48_000, connections: 600 });
    expect([...datapath.object.map("flows").entries()]).toEqual([]);
  });
});

describe("a pod that makes connections at the kernel's own speed, beside a quiet one", () => {
  const seconds = 2;
  let bed: Bed;
  let directory: string;
  let generator: Part | undefined;
  let recording: RecordingBus;
  let collector: Collector | undefined;
  let server: PodProcess | undefined;

  beforeAll(async () => {
    bed = await Bed.make(3);
    bed.announce(...bed.pods);
    recording = await RecordingBus.make();
    const scarce = { flowsMaxEntries: 2048, ringBytes: 1 << 16, edgeRate: 5000, edgeBurst: 100 };
    collector = await start(bed, recording.bus, scarce);
    const [noisy] = bed.pods as [BedPod];
    directory = mkdtempSync(join(tmpdir(), "weir-flood-"));
    generator = startGenerator({
      ...{ netns: bed.netnsPath, ifindex: noisy.ifindex, source: noisy.v4 },
      ...{ destinations: "10.201.0.0", directory },
    });
    await generator.ask("generated");
  }, 60_000);

  afterAll(async () => {
    await generator?.[Symbol.asyncDispose]();
    await server?.close();
    await collector?.stop({ detach: true });
    await recording?.bus.close();
    await bed?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const odometerOf = ({ ifindex }: BedPod): Odometer => {
    const found = (recording.report as NodeReport).odometers.find((one) => one.ifindex === ifindex);
    if (found === undefined) throw new Error(`no odometer of ${ifindex}`);
    return found;
  };
  const toldOf = ({ ifindex }: BedPod): { packets: number; bytes: number } => {
    const sum = { packets: 0, bytes: 0 };
    for (const one of recording.flows) {
      if (one.ifindex !== ifindex) continue;
      sum.packets += one.packets + one.replyPackets;
      sum.bytes += one.bytes + one.replyBytes;
    }
    return sum;
  };

  it("takes nothing from it, and is told for itself, to the byte", async () => {
    const [noisy, quiet, peer] = bed.pods as [BedPod, BedPod, BedPod];
    const port = 7200;
    server = await serve(peer, port);
    const flood = generator?.ask<Burst>("generate", 0, seconds);
    const answered = [
      await talk(bed, quiet, "tcp", peer.v4, port, { count: 40, bytes: 700 }),
      await talk(bed, quiet, "udp", peer.v6, port, { count: 40, bytes: 200 }),
    ];
    const burst = await flood;
    const made = await generator?.ask<Generated>("generated");
    console.info(
      `${burst?.connections} connections in ${burst?.seconds.toFixed(1)} s, ${made?.cpuSeconds.toFixed(1)} s of a core, by the noisy pod`,
    );
    expect(answered).toEqual([40, 40]);
    await collector?.stop({ detach: true });
    const rows = recording.flows.filter((one) => one.ifindex === quiet.ifindex);
    for (const [number, dst] of [
      [protocol.tcp, peer.v4],
      [protocol.udp, peer.v6],
    ] as const) {
      const those = rows.filter((one) => one.protocol === number && one.dst === dst);
      expect(those.reduce((sum, one) => sum + one.connections, 0)).toBe(40);
    }
    for (const one of bed.pods) {
      const odometer = odometerOf(one);
      expect(toldOf(one)).toEqual({
        packets: odometer.from_packets + odometer.to_packets - odometer.untracked_packets,
        bytes: odometer.from_bytes + odometer.to_bytes - odometer.untracked_bytes,
      });
    }
    for (const one of [quiet, peer])
      expect(odometerOf(one)).toMatchObject({
        ...{ untracked_packets: 0, untracked_connections: 0, late_edges: 0 },
      });
    const loud = odometerOf(noisy);
    expect(loud.from_packets).toBeGreaterThanOrEqual(2 * (made?.connections ?? NaN));
    expect(loud.untracked_connections).toBeGreaterThan(1000);
    expect(loud.late_edges).toBeGreaterThan(1000);
    const { lost, counters } = recording.report as NodeReport;
    expect(lost).toMatchObject({ map: 0, map_share: loud.untracked_connections });
    expect(
      (counters["ring_full"] ?? 0) +
        (counters["edges_over_budget"] ?? 0) +
        (counters["edges_taken"] ?? 0),
    ).toBe(loud.late_edges);
  }, 60_000);
});
