import type { PolicySet } from "@weir/codec";
import { parseAddress } from "@weir/codec";
import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { podCounters, sentToPod } from "./pod-counters.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import type { FlowRow } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

const port = 7300;
const protocols = { tcp: 6, udp: 17, v4: 1, v6: 58 } as const;

/** Both pods are isolated both ways, and may say anything to each other. */
function policySet(pods: BedPod[], more: Partial<PolicySet> = {}): PolicySet {
  const ruleSets = [800, 801, 900, 901];
  return {
    generation: 1,
    revision: more.generation ?? 1,
    mode: "enforce",
    created: Date.now() * 1000,
    documents: [],
    identities: pods.flatMap((pod) =>
      [pod.v4, pod.v6].map((text) => ({
        addr: parseAddress(text),
        prefix_bits: 128,
        identity: 16,
      })),
    ),
    endpoints: pods.map((pod, index) => ({
      ...{ namespace: "bed", pod: pod.name },
      ...{ uid: "", ingress_rule_set: 900 + (index % 2), egress_rule_set: 800 + (index % 2) },
    })),
    entries: ruleSets.map((rule_set) => ({
      ...{ rule_set, identity: 16, prefix_bits: 64, protocol: 0, port: 0, rule: 7 },
    })),
    rules: [{ rule: 7, text: "bed/all" }],
    ...more,
  };
}

interface Sum {
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
}

describe.each(["tcx", "clsact"] as const)("between two enforced pods of a node, %s", (hook) => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector;
  let client: BedPod;
  let server: BedPod;
  let listening: PodProcess;

  beforeAll(async () => {
    bed = await Bed.make(2);
    [client, server] = bed.pods as [BedPod, BedPod];
    for (const pod of bed.pods) {
      // A segment then has the size that its payload says, and is sent again only when it was lost.
      const settings = ["tcp_sack", "tcp_early_retrans"].map((one) => `net.ipv4.${one}=0`);
      await bed.inPod(pod, "sysctl", "-qw", ...settings);
    }
    bed.announce(client, server);
    recording = await RecordingBus.make();
    await recording.enforce(policySet(bed.pods));
    collector = await start(bed, recording.bus, { hook });
    listening = await serve(server, port);
    await eventually(() => expect(recording.report).toMatchObject({ generation: 1 }));
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes: [listening] }));

  const rowsOf = (protocol: number, address: string, since: number): FlowRow[] =>
    recording.flows
      .slice(since)
      .filter(
        (one) => one.protocol === protocol && one.dst === address && one.verdict === "allowed",
      );

  const sumOf = (rows: FlowRow[]): Sum => {
    const sum = { packets: 0, bytes: 0, replyPackets: 0, replyBytes: 0 };
    for (const one of rows) {
      for (const key of Object.keys(sum) as (keyof Sum)[]) sum[key] += one[key];
    }
    return sum;
  };

  const expectBothEnds = (
    protocol: number,
    address: string,
    since: number,
    expected: Partial<Sum>,
  ) =>
    eventually(() => {
      for (const direction of ["egress", "ingress"]) {
        const rows = rowsOf(protocol, address, since);
        const seen = sumOf(rows.filter((one) => one.direction === direction));
        expect({ direction, ...seen }).toMatchObject({ direction, ...expected });
      }
    });

  /** TCP segments that the pods' own kernels sent while `act` ran; `again`: those sent before. */
  const segmentsOf = async (act: () => Promise<unknown>) => {
    const before = await Promise.all([podCounters(bed, client), podCounters(bed, server)]);
    await act();
    const after = await Promise.all([podCounters(bed, client), podCounters(bed, server)]);
    const grown = (end: 0 | 1, name: string) => (after[end][name] ?? 0) - (before[end][name] ?? 0);
    const [outAgain, backAgain] = [grown(0, "TcpRetransSegs"), grown(1, "TcpRetransSegs")];
    return {
      out: grown(0, "TcpOutSegs") + outAgain,
      back: grown(1, "TcpOutSegs") + backAgain,
      again: outAgain + backAgain,
    };
  };

  const expectOdometersAgree = () =>
    eventually(() => {
      for (const odometer of recording.report?.odometers ?? []) {
        const { ifindex } = odometer;
        const sum = sumOf(recording.flows.filter((one) => one.ifindex === ifindex));
        expect([ifindex, sum.packets + sum.replyPackets, sum.bytes + sum.replyBytes]).toEqual([
          ifindex,
          odometer.from_packets + odometer.to_packets,
          odometer.from_bytes + odometer.to_bytes,
        ]);
      }
    });

  /** Packets that the node itself handed to the server while `act` ran. */
  const theLongWay = async (act: () => Promise<unknown>): Promise<number> => {
    const before = await sentToPod(bed, server);
    await act();
    return (await sentToPod(bed, server)) - before;
  };

  it.each([
    ["v4", 20, 300],
    ["v6", 40, 300],
    ["v4", 20, 3_000_000],
    ["v6", 40, 3_000_000],
  ] as const)(
    "TCP over IP%s takes the short way; flows are what the pods' kernels counted (%d, %d bytes)",
    async (ip, ipBytes, bytes) => {
      let since = 0;
      let long = 0;
      let counted = { out: 0, back: 0, again: 0 };
      for (let attempt = 0; attempt === 0 || (counted.again > 0 && attempt < 8); attempt++) {
        since = recording.flows.length;
        counted = await segmentsOf(async () => {
          long = await theLongWay(async () =>
            expect(await talk(bed, client, "tcp", server[ip], port, { bytes })).toBe(1),
          );
        });
        const packets = { packets: counted.out, replyPackets: counted.back };
        await expectBothEnds(protocols.tcp, server[ip], since, packets);
      }
      // What was sent again has a size that nobody counts.
      expect(counted.again).toBe(0);
      const { out, back } = counted;
      // SYN and SYN+ACK carry 20 bytes of options, all else 12 (the timestamps).
      const bytesOf = (segments: number) => segments * (ipBytes + 32) + 8 + bytes;
      await expectBothEnds(protocols.tcp, server[ip], since, {
        ...{ packets: out, bytes: bytesOf(out) },
        ...{ replyPackets: back, replyBytes: bytesOf(back) },
      });
      // The node says no more than a neighbour solicitation or two.
      expect(long).toBeLessThan(6);
      expect(out).toBeGreaterThan(5);
      await expectOdometersAgree();
    },
  );

  it.each([
    ["v4", 28],
    ["v6", 48],
  ] as const)("UDP over IP%s as well", async (ip, headers) => {
    const since = recording.flows.length;
    const long = await theLongWay(async () =>
      expect(await talk(bed, client, "udp", server[ip], port, { count: 20, bytes: 900 })).toBe(20),
    );
    const each = { packets: 20, bytes: 20 * (900 + headers) };
    await expectBothEnds(protocols.udp, server[ip], since, {
      ...each,
      ...{ replyPackets: each.packets, replyBytes: each.bytes },
    });
    expect(long).toBeLessThan(6);
    await expectOdometersAgree();
  });

  it.each([
    ["v4", 28],
    ["v6", 48],
  ] as const)("ping over IP%s as well", async (ip, headers) => {
    const since = recording.flows.length;
    const long = await theLongWay(() =>
      bed.inPod(client, "ping", "-n", "-c", "10", "-i", "0.02", "-s", "56", server[ip]),
    );
    const each = { packets: 10, bytes: 10 * (56 + headers) };
    await expectBothEnds(protocols[ip], server[ip], since, {
      ...each,
      ...{ replyPackets: each.packets, replyBytes: each.bytes },
    });
    expect(long).toBeLessThan(6);
    await expectOdometersAgree();
  });

  it.each(["v4", "v6"] as const)("fragments over IP%s take the long way", async (ip) => {
    const long = await theLongWay(async () =>
      expect(await talk(bed, client, "udp", server[ip], port, { count: 3, bytes: 4000 })).toBe(3),
    );
    expect(long).toBeGreaterThanOrEqual(9);
    await expectOdometersAgree();
  });

  it("what is larger than the receiver's interface takes the long way, where the node answers", async () => {
    await bed.inNode("ip", "link", "set", server.interface, "mtu", "1400");
    // Nothing comes back: a veth takes in no more than its own MTU.
    await talk(bed, client, "udp", server.v4, port, { bytes: 1390 });
    const { stdout } = await bed.inPod(client, "ip", "route", "get", server.v4);
    expect(stdout).toMatch(/mtu 1400/);
    await bed.inNode("ip", "link", "set", server.interface, "mtu", "1500");
    await bed.inPod(client, "ip", "route", "flush", "cache");
    await expectOdometersAgree();
  });

  it.each(["shadow", "observe"] as const)("in %s mode nothing takes it", async (mode) => {
    const generation = mode === "shadow" ? 2 : 3;
    await recording.enforce(policySet(bed.pods, { generation, mode }));
    await eventually(() => expect(recording.report).toMatchObject({ generation, mode }));
    const long = await theLongWay(() =>
      talk(bed, client, "udp", server.v4, port, { count: 20, bytes: 100 }),
    );
    expect(long).toBeGreaterThanOrEqual(20);
    await expectOdometersAgree();
  });

  it("a pod that goes is missed by nobody: its packets take the long way and come to nothing", async () => {
    await recording.enforce(policySet(bed.pods, { generation: 4 }));
    await eventually(() => expect(recording.report).toMatchObject({ generation: 4 }));
    const third = await bed.addPod();
    bed.announce(third);
    await recording.enforce(policySet(bed.pods, { generation: 5 }));
    await eventually(() => expect(collector.status().attached).toHaveLength(3));
    const gone = await serve(third, port);
    expect(await talk(bed, client, "udp", third.v4, port, { count: 3 })).toBe(3);
    const talking = talk(bed, client, "udp", third.v4, port, { count: 3 });
    await gone.close();
    await bed.removePod(third);
    expect(await talking).toBeLessThanOrEqual(3);
    await eventually(() => expect(collector.status().attached).toHaveLength(2));
    expect(await talk(bed, client, "udp", server.v4, port, { count: 3 })).toBe(3);
    await expectOdometersAgree();
  });

  it("off by configuration nothing takes it", async () => {
    await collector.stop();
    collector = await start(bed, recording.bus, { hook, redirectToPeer: "off" });
    expect(collector.status().hooks["redirect_peer"]).toMatch(/configuration says off/);
    const long = await theLongWay(() => talk(bed, client, "udp", server.v4, port, { count: 20 }));
    expect(long).toBeGreaterThanOrEqual(20);
  });
});
