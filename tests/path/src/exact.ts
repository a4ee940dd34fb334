import { join } from "node:path";
import { type Counters, added, countersOf } from "./counters.ts";
import { Station, eventually, ok, root, rows } from "./process.ts";

/** What one end saw of the traffic between pair/client and pair/server. */
export interface Observed {
  direction: string;
  connections: number;
  packets: number;
  bytes: number;
  reply_packets: number;
  reply_bytes: number;
}

const traffic = join(import.meta.dirname, "traffic.ts");
export const pairManifest = join(import.meta.dirname, "../manifests/pair.yaml");
export const serverPort = 7000;

/** Of all labs on this machine, the one meant; undefined: there is only one. */
let labName: string | undefined;

export function useLab(name: string): void {
  labName = name;
}

export function inPod(pod: string, ...command: string[]): string[] {
  return [
    "lab",
    "exec",
    ...(labName === undefined ? [] : ["--name", labName]),
    pod,
    "--",
    ...command,
  ];
}

export function trafficCommand(...given: (string | number)[]): string[] {
  return [node, traffic, ...given.map(String)];
}

/** Echo server in pair/server; ends with the returned station. */
export async function serve(): Promise<Station> {
  const server = Station.weir(
    inPod("pair/server", node, traffic, "serve", "-", String(serverPort)),
  );
  await server.says(/listening/);
  return server;
}

const node = join(root, "node_modules/node/bin/node");

/** Addresses of a lab's pod, by family. */
export async function addressesOf(
  namespace: string,
  name: string,
): Promise<{ v4: string; v6: string }> {
  const labs = rows<{
    name: string;
    pods: { namespace: string; name: string; addresses: string[] }[];
  }>(await ok(["lab", "list", "-o", "json"]));
  const pod = labs
    .filter((lab) => labName === undefined || lab.name === labName)
    .flatMap((lab) => lab.pods)
    .find((one) => one.namespace === namespace && one.name === name);
  if (!pod) throw new Error(`no lab has ${namespace}/${name}`);
  return {
    v4: pod.addresses.find((one) => !one.includes(":")) ?? "",
    v6: pod.addresses.find((one) => one.includes(":")) ?? "",
  };
}

export interface Sent {
  answered: number;
  failed: number;
  /** What the client's stack counted meanwhile. */
  kernel: Counters;
}

/** Traffic from pair/client, one exchange after the other. */
export async function send(
  mode: "tcp" | "udp",
  host: string,
  count: number,
  bytes: number,
): Promise<Sent> {
  const before = await countersOf((...given) => inPod("pair/client", ...given));
  const args = [mode, host, String(serverPort), String(count), String(bytes)];
  const outcome = JSON.parse(await ok(inPod("pair/client", node, traffic, ...args))) as Omit<
    Sent,
    "kernel"
  >;
  return {
    ...outcome,
    kernel: added(before, await countersOf((...given) => inPod("pair/client", ...given))),
  };
}

export async function ping(host: string, count: number): Promise<void> {
  await ok(inPod("pair/client", "ping", "-n", "-c", String(count), "-i", "0.05", "-s", "56", host));
}

/** What the table says of one protocol towards one address, a row per observing end. */
export async function observed(
  env: Record<string, string>,
  destination: string,
  protocol: string,
  port?: number,
): Promise<Observed[]> {
  const sql = `SELECT toString(direction) AS direction, toUInt32(sum(connections)) AS connections,
      toUInt32(sum(packets)) AS packets, toUInt32(sum(bytes)) AS bytes,
      toUInt32(sum(reply_packets)) AS reply_packets, toUInt32(sum(reply_bytes)) AS reply_bytes
    FROM flows WHERE src_pod = 'client' AND dst_pod = 'server' AND toString(dst_ip) = '${destination}'
      AND protocol = '${protocol}' ${port === undefined ? "AND src_port > 0" : `AND dst_port = ${port}`}
    GROUP BY direction ORDER BY direction`;
  return rows<Observed>(await ok(["sql", sql, "-o", "json"], { env }));
}

/** Waits until both ends of the pair have told what is expected, exactly. */
export async function expectBothEnds(
  ask: () => Promise<Observed[]>,
  expected: Omit<Observed, "direction">,
): Promise<void> {
  await eventually(async () => {
    expect(await ask()).toEqual([
      { direction: "egress", ...expected },
      { direction: "ingress", ...expected },
    ]);
  }, 20_000);
}

/** A connection that is never idle; SIGTERM makes it say {"exchanges","failed"} and end. */
export async function hold(host: string): Promise<Station> {
  const held = Station.weir(inPod("pair/client", node, traffic, "hold", host, String(serverPort)));
  await held.says(/holding/);
  return held;
}
