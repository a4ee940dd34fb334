import { expectBothEnds, observed, ping, send, serverPort } from "./exact.ts";
import { eventually, ok, rows } from "./process.ts";

/** What the suite needs of the bed it runs on; read when the tests run. */
export interface Bed {
  env: Record<string, string>;
  /** Addresses of pair/server. */
  server: { v4: string; v6: string };
}

interface Balance {
  pod: string;
  odometer_packets: number;
  flow_packets: number;
  odometer_bytes: number;
  flow_bytes: number;
  unaccounted: number;
}

const balanceSql = `
  SELECT o.pod AS pod,
         toUInt32(o.packets) AS odometer_packets, toUInt32(f.packets) AS flow_packets,
         toUInt32(o.bytes) AS odometer_bytes, toUInt32(f.bytes) AS flow_bytes,
         toUInt32(o.unaccounted) AS unaccounted
  FROM (SELECT pod, any(node) AS node, argMax(ifindex, time) AS ifindex,
               argMax(from_packets + to_packets, time) AS packets,
               argMax(from_bytes + to_bytes, time) AS bytes,
               argMax(malformed_packets + untracked_packets, time) AS unaccounted
        FROM odometers WHERE namespace = 'pair' GROUP BY pod) AS o
  JOIN (SELECT node, ifindex, sum(packets + reply_packets) AS packets, sum(bytes + reply_bytes) AS bytes
        FROM flows GROUP BY node, ifindex) AS f USING (node, ifindex)
  ORDER BY pod`;

/** A known number of connections, packets and bytes is what the table says, at both ends. */
export function countsExactly(bed: () => Bed): void {
  countsConnections(bed);
  accountsForAll(bed);
}

function countsConnections(bed: () => Bed): void {
  it.each(["v4", "v6"] as const)("counts TCP over IP%s exactly, at both ends", async (family) => {
    const { env, server } = bed();
    const sent = await send("tcp", server[family], 25, 700);
    expect(sent).toMatchObject({ answered: 25, failed: 0 });
    const out = sent.kernel["TcpOutSegs"] ?? 0;
    const back = sent.kernel["TcpInSegs"] ?? 0;
    const ip = family === "v4" ? 20 : 40;
    // SYN and SYN+ACK carry 20 bytes of options, all else 12 (the timestamps).
    const bytesOf = (segments: number) => 25 * (ip + 40) + (segments - 25) * (ip + 32) + 25 * 700;
    await expectBothEnds(() => observed(env, server[family], "TCP", serverPort), {
      connections: 25,
      packets: out,
      bytes: bytesOf(out),
      reply_packets: back,
      reply_bytes: bytesOf(back),
    });
  });

  it.each([
    ["v4", 28],
    ["v6", 48],
  ] as const)("counts UDP over IP%s exactly, at both ends", async (family, headers) => {
    const { env, server } = bed();
    const sent = await send("udp", server[family], 40, 333);
    expect(sent).toMatchObject({ answered: 40, failed: 0 });
    const bytes = 40 * (333 + headers);
    await expectBothEnds(() => observed(env, server[family], "UDP", serverPort), {
      ...{ connections: 1, packets: 40, bytes },
      ...{ reply_packets: 40, reply_bytes: bytes },
    });
  });

  it.each([
    ["v4", "ICMP", 28],
    ["v6", "ICMPv6", 48],
  ] as const)("counts ping over IP%s exactly, at both ends", async (family, protocol, headers) => {
    const { env, server } = bed();
    await ping(server[family], 7);
    const bytes = 7 * (56 + headers);
    await expectBothEnds(() => observed(env, server[family], protocol), {
      ...{ connections: 1, packets: 7, bytes },
      ...{ reply_packets: 7, reply_bytes: bytes },
    });
  });
}

function accountsForAll(bed: () => Bed): void {
  it("agrees with the odometers to the packet and the byte", async () => {
    const { env } = bed();
    await eventually(async () => {
      const balance = rows<Balance>(await ok(["sql", balanceSql, "-o", "json"], { env }));
      expect(balance.map((one) => one.pod)).toEqual(["client", "server"]);
      for (const one of balance) {
        expect(one.odometer_packets).toBeGreaterThan(300);
        expect([one.flow_packets, one.flow_bytes, one.unaccounted]).toEqual([
          one.odometer_packets,
          one.odometer_bytes,
          0,
        ]);
      }
    }, 25_000);
  });

  it("accounts for every record in the ledger", async () => {
    const { env } = bed();
    await eventually(async () => {
      const ledger = JSON.parse(await ok(["ledger", "--since", "1h", "-o", "json"], { env })) as {
        nodes: { produced: number; stored: number; unexplained: number; complete: boolean }[];
      };
      expect(ledger.nodes.length).toBeGreaterThan(0);
      for (const node of ledger.nodes) {
        expect(node).toMatchObject({ unexplained: 0, complete: true });
        expect(node.produced).toBeGreaterThan(50);
      }
    }, 25_000);
  });
}
