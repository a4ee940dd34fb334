/** What is done to a collector and its broker, and how it is known that nothing is missing. */
import { type Bed } from "./exact-suite.ts";
import { inPod, serverPort, trafficCommand } from "./exact.ts";
import { Station, eventually, ok, rows } from "./process.ts";
import type { Stations } from "./stations.ts";

export interface Missing {
  pod: string;
  /** Packets that the interface counted and no row has; below 0: some are there twice. */
  missing: number;
}

/** What the interfaces counted less what the rows add up to, by pod. */
export async function missingPackets(bed: Bed): Promise<Missing[]> {
  const sql = `SELECT o.pod AS pod, toInt64(o.packets) - toInt64(f.packets) AS missing
    FROM (SELECT node, ifindex, any(pod) AS pod, argMax(from_packets + to_packets, time) AS packets
          FROM odometers WHERE namespace = 'pair' GROUP BY node, ifindex) AS o
    JOIN (SELECT node, ifindex, sum(packets + reply_packets) AS packets
          FROM flows GROUP BY node, ifindex) AS f USING (node, ifindex) ORDER BY pod`;
  return rows<Missing>(await ok(["sql", sql, "-o", "json"], { env: bed.env }));
}

export interface LedgerNode {
  node: string;
  produced: number;
  stored: number;
  lost: Record<string, number>;
  unexplained: number;
  complete: boolean;
}

export async function ledgerOf(bed: Bed): Promise<LedgerNode[]> {
  const text = await ok(["ledger", "--since", "1h", "-o", "json"], { env: bed.env });
  return (JSON.parse(text) as { nodes: LedgerNode[] }).nodes;
}

/** What is in the store is of `sinceMs` or later: an older picture balances too, and says nothing. */
export async function isTold(bed: Bed, sinceMs: number): Promise<boolean> {
  const sql = `SELECT toUnixTimestamp64Milli(min(newest)) AS told FROM (
    SELECT max(time) AS newest FROM odometers WHERE namespace = 'pair' GROUP BY node, ifindex)`;
  const [row] = rows<{ told: string }>(await ok(["sql", sql, "-o", "json"], { env: bed.env }));
  return Number(row?.told ?? 0) > sinceMs + ledgerSettleMs;
}

/** The ledger leaves out reports that are younger. */
const ledgerSettleMs = 5000;

/** Every packet that an interface counted is in exactly one row, and every record in the ledger. */
export async function balanced(bed: Bed, timeoutMs = 40_000): Promise<void> {
  const begunMs = Date.now();
  await eventually(async () => {
    expect(await isTold(bed, begunMs)).toBe(true);
    expect(await missingPackets(bed)).toEqual([
      { pod: "client", missing: 0 },
      { pod: "server", missing: 0 },
    ]);
    for (const node of await ledgerOf(bed))
      expect(node).toMatchObject({ lost: {}, unexplained: 0, complete: true });
  }, timeoutMs);
}

/** Connections one after another, without end. */
export function load(host: string): Station {
  return Station.weir(inPod("pair/client", ...trafficCommand("tcp", host, serverPort, 1e9, 500)));
}

/** kill -9 at a random moment, again and again, each time with another collector after it. */
export async function killAgainAndAgain(stations: Stations, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await new Promise((done) => setTimeout(done, Math.random() * 2500));
    await stations.get("collector").stop("SIGKILL");
    await stations.start("collector");
  }
}
