import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { NodeReport } from "@weir/codec";
import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import type { FlowRow } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

const port = 7100;

const hasPing = (process.env["PATH"] ?? "")
  .split(delimiter)
  .some((folder) => existsSync(join(folder, "ping")));
const itWithPing = hasPing ? it : it.skip;
const pingMissing = hasPing ? "" : " (skipped: ping is missing, apt-get install iputils-ping)";

/** What flows of an interface add up to is what its odometer says. */
function expectOdometersAgree(recording: RecordingBus): void {
  for (const odometer of recording.report?.odometers ?? []) {
    const flows = recording.flows.filter((one) => one.ifindex === odometer.ifindex);
    const sum = (of: (one: FlowRow) => number): number =>
      flows.reduce((total, one) => total + of(one), 0);
    expect({
      ifindex: odometer.ifindex,
      packets: sum((one) => one.packets + one.replyPackets),
      bytes: sum((one) => one.bytes + one.replyBytes),
    }).toEqual({
      ifindex: odometer.ifindex,
      packets: odometer.from_packets + odometer.to_packets - odometer.untracked_packets,
      bytes: odometer.from_bytes + odometer.to_bytes - odometer.untracked_bytes,
    });
  }
}

describe.each(["tcx", "clsact"] as const)("a node that is watched through %s", (hook) => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector;
  let client: BedPod;
  let server: BedPod;
  let listening: PodProcess;

  beforeAll(async () => {
    bed = await Bed.make(2);
    [client, server] = bed.pods as [BedPod, BedPod];
    bed.announce(client, server);
    recording = await RecordingBus.make();
    collector = await start(bed, recording.bus, { hook });
    listening = await serve(server, port);
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes: [listening] }));

  const of = (protocol: number, dst: string): FlowRow[] =>
    recording.flows.filter((one) => one.protocol === protocol && one.dst === dst);

  it("says what it is attached to", () => {
    const { attached, hooks } = collector.status();
    expect(attached).toEqual(["wbed1 (bed/pod-1)", "wbed2 (bed/pod-2)"]);
    expect(hooks["tcx"]).toMatch(hook === "tcx" ? /^ok$/ : /^missing: not used/);
  });

  it.each(["v4", "v6"] as const)(
    "counts TCP connections exactly, at both ends, IP%s",
    async (ip) => {
      const address = server[ip];
      expect(await talk(bed, client, "tcp", address, port, { count: 20, bytes: 700 })).toBe(20);
      await eventually(() => {
        for (const direction of ["egress", "ingress"]) {
          const rows = of(6, address).filter((one) => one.direction === direction);
          expect(rows.reduce((sum, one) => sum + one.connections, 0)).toBe(20);
          for (const row of rows) expect(row).toMatchObject({ src: client[ip], dstPort: port });
        }
      });
      await eventually(() => expectOdometersAgree(recording));
      // Both ends have seen the same packets.
      const [egress, ingress] = ["egress", "ingress"].map((direction) =>
        of(6, address)
          .filter((one) => one.direction === direction)
          .reduce((sum, one) => sum + one.bytes * 1e6 + one.replyBytes, 0),
      );
      expect(egress).toBe(ingress);
    },
  );

  it.each(["v4", "v6"] as const)(
    "counts UDP datagrams exactly, fragments too, IP%s",
    async (ip) => {
      const headers = ip === "v4" ? 28 : 48;
      expect(await talk(bed, client, "udp", server[ip], port, { count: 10, bytes: 300 })).toBe(10);
      const expected = { packets: 10, bytes: 10 * (300 + headers), connections: 10 };
      await eventually(() => {
        for (const direction of ["egress", "ingress"]) {
          const rows = of(17, server[ip]).filter((one) => one.direction === direction);
          const sum = { packets: 0, bytes: 0, connections: 0 };
          for (const one of rows) {
            sum.packets += one.packets;
            sum.bytes += one.bytes;
            sum.connections += one.connections;
          }
          expect(sum).toEqual(expected);
        }
      });
      // 4,000 bytes go as three fragments each way.
      expect(await talk(bed, client, "udp", server[ip], port, { count: 2, bytes: 4000 })).toBe(2);
      await eventually(() => {
        const rows = of(17, server[ip]).filter((one) => (one.flags & 8) !== 0);
        expect(rows.reduce((sum, one) => sum + one.packets, 0)).toBe(2 * 2 * 3);
        expect(rows.reduce((sum, one) => sum + one.replyPackets, 0)).toBe(2 * 2 * 3);
      });
      await eventually(() => expectOdometersAgree(recording));
    },
  );

  itWithPing.each(["v4", "v6"] as const)(`counts pings exactly, IP%s${pingMissing}`, async (ip) => {
    await bed.inPod(client, "ping", "-n", "-c", "5", "-i", "0.02", "-s", "56", server[ip]);
    const bytes = 5 * (56 + 8 + (ip === "v4" ? 20 : 40));
    await eventually(() => {
      const rows = of(ip === "v4" ? 1 : 58, server[ip]);
      for (const direction of ["egress", "ingress"]) {
        const one = rows.filter((row) => row.direction === direction && row.connections > 0);
        expect(one).toHaveLength(1);
        const all = rows.filter((row) => row.direction === direction);
        expect(all.reduce((sum, row) => sum + row.bytes, 0)).toBe(bytes);
        expect(all.reduce((sum, row) => sum + row.replyBytes, 0)).toBe(bytes);
      }
    });
  });

  it("tells what a pod did until it went, and lets go of it", async () => {
    const third = await bed.addPod();
    bed.announce(third);
    await eventually(() => expect(collector.status().attached).toHaveLength(3));
    expect(await talk(bed, third, "udp", server.v4, port, { count: 3 })).toBe(3);
    await bed.removePod(third);
    await eventually(() => expect(collector.status().attached).toHaveLength(2));
    await eventually(() => {
      const rows = recording.flows.filter((one) => one.src === third.v4);
      const own = rows.filter((one) => one.ifindex === third.ifindex);
      expect(own.reduce((sum, one) => sum + one.packets, 0)).toBe(3);
    });
    // Its odometer is told a few times more, so that everything can be added up; the rest of the
    // sweep may be a block behind.
    await eventually(() => expectOdometersAgree(recording));
  });

  it("numbers its blocks without a gap", () => {
    const blocks = [...new Set(recording.flows.map((one) => one.block))];
    expect(blocks).toEqual(blocks.map((_, index) => (blocks[0] ?? 0) + index));
  });

  it("tells times of the wall clock", () => {
    for (const { timeMs } of recording.flows) {
      expect(timeMs).toBeGreaterThan(Date.now() - 60_000);
      expect(timeMs).toBeLessThanOrEqual(Date.now() + 5);
    }
  });

  it("leaves nothing behind when it detaches", async () => {
    await collector.stop({ detach: true });
    expect(existsSync(bed.pins)).toBe(false);
    const { stdout } = await bed.inNode("bpftool", "-j", "net", "show");
    const [hooks] = JSON.parse(stdout) as [{ tc: unknown[] }];
    expect(hooks.tc).toEqual([]);
  });
});

describe("a flow map that is too small", () => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector | undefined;

  afterAll(() => takeDown({ bed, recording, collector }));

  it("follows no more flows than it has room for, and tells to the packet what it did not", async () => {
    bed = await Bed.make(1);
    const [pod] = bed.pods as [BedPod];
    bed.announce(pod);
    recording = await RecordingBus.make();
    // No sweep comes to the rescue.
    const small = { flowsMaxEntries: 1024, sweepIntervalMs: 60_000, activeTimeoutMs: 60_000 };
    collector = await start(bed, recording.bus, small);
    // Nothing answers there: each datagram is a flow of one packet.
    await bed.inNode("ip", "route", "add", "blackhole", "10.99.7.0/24");
    await talk(bed, pod, "burst", "10.99.7.1", 9, { count: 3000, bytes: 10 });
    await collector.stop({ detach: true });
    const { odometers, lost } = recording.report as NodeReport;
    const passed = odometers.reduce((sum, one) => sum + one.from_packets + one.to_packets, 0);
    const told = recording.flows.reduce((sum, one) => sum + one.packets + one.replyPackets, 0);
    const untracked = odometers.reduce((sum, one) => sum + one.untracked_packets, 0);
    const connections = odometers.reduce((sum, one) => sum + one.untracked_connections, 0);
    expect(untracked).toBeGreaterThan(1000);
    expect(told + untracked).toBe(passed);
    expect(lost).toMatchObject({ map: 0, map_share: connections });
  }, 60_000);
});
