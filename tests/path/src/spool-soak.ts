/**
 * The long form of what stations.test.ts does in seconds, on a broker, a lab and ports of its own:
 *
 *   npm run soak -w @weir/test-path -- [--kills 50] [--hangs 3] [--away 600] [--how refuse,hang,error]
 *
 * The collector is killed so many times under load; the broker hangs so many times for 4 s, with the
 * collector killed meanwhile; then the broker is away so many seconds, in each of the ways given. Ends with 1 unless every packet that an interface counted is in exactly one row
 * and the ledger explains every record. Prints a line of JSON for each part.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startBroker } from "@weir/kafka";
import type { RunningBroker } from "@weir/kafka";
import { takeAway, waysToBeAway } from "./broker-away.ts";
import type { WayToBeAway } from "./broker-away.ts";
import { addressesOf, pairManifest, serve, useLab } from "./exact.ts";
import { eventually, ok, rows } from "./process.ts";
import { isTold, killAgainAndAgain, ledgerOf, load, missingPackets } from "./spool-faults.ts";
import { Stations } from "./stations.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    hangs: { type: "string", default: "3" },
    away: { type: "string", default: "600" },
    how: { type: "string", default: "refuse,hang,error" },
  },
});
const ways = values.how.split(",").filter((way) => way !== "") as WayToBeAway[];
if (!ways.every((way) => waysToBeAway.includes(way)))
  throw new Error(`--how takes ${waysToBeAway.join(", ")}, not ${values.how}`);
const settleTimeoutMs = 180_000;
const lab = `soak${process.pid}`;
const node = `${lab}-node-1`;
const directory = mkdtempSync(join(tmpdir(), "soak-"));
const brokerDirectory = join(directory, "kafka");
let broker: RunningBroker = await startBroker({ directory: brokerDirectory });
const ports = { api: await freePort(), store: await freePort() };
const stations = new Stations(directory, broker.address, node, ports);
const env = stations.env;
const bed = { env, server: { v4: "", v6: "" } };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Resident memory of the collector: now, and the most since the last time this was asked. */
function memoryMiB(): { now: number; peak: number } {
  const { pid } = stations.get("collector").child;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (field: string): number =>
    Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  const told = { now: read("VmRSS"), peak: read("VmHWM") };
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return told;
}

async function settled(): Promise<Record<string, unknown>> {
  const begun = performance.now();
  const begunMs = Date.now();
  return eventually(async () => {
    const isNew = await isTold(bed, begunMs);
    const missing = await missingPackets(bed);
    const [ledger] = await ledgerOf(bed);
    const isWhole = missing.length === 2 && missing.every((one) => one.missing === 0);
    if (!isNew || !ledger || !isWhole || ledger.unexplained !== 0 || !ledger.complete)
      throw new Error(`not balanced: ${JSON.stringify({ isNew, missing, ledger })}`);
    const { produced, stored, lost, unexplained } = ledger;
    const balancedAfterSeconds = seconds(performance.now() - begun);
    return { produced, stored, lost, unexplained, missingPackets: 0, balancedAfterSeconds };
  }, settleTimeoutMs);
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

function timesCaughtUp(): number {
  return stations.get("collector").output.split("everything that waited is with the bus").length;
}

async function away(how: WayToBeAway, host: string): Promise<Record<string, unknown>> {
  const loads = [load(host), load(host)];
  const before = memoryMiB();
  const caughtUpBefore = timesCaughtUp();
  const comeBack = await takeAway(broker, brokerDirectory, how);
  await new Promise((done) => setTimeout(done, Number(values.away) * 1000));
  const during = memoryMiB();
  const begun = performance.now();
  broker = await comeBack();
  await eventually(() => {
    if (timesCaughtUp() === caughtUpBefore) throw new Error("the collector has not caught up");
  }, settleTimeoutMs);
  const caughtUpSeconds = seconds(performance.now() - begun);
  const [, ofThat = ""] = /.*"catchUpMs":(\d+)/s.exec(stations.get("collector").output) ?? [];
  for (const one of loads) await one.stop("SIGTERM");
  const rssMiB = { before: before.now, peakAway: during.peak, peakCatchingUp: memoryMiB().peak };
  return {
    how,
    awaySeconds: Number(values.away),
    caughtUpSeconds,
    sendingMs: Number(ofThat),
    rssMiB,
  };
}

/** The broker hangs a little, again and again, and the collector is killed meanwhile. */
async function hangAndKill(host: string): Promise<Record<string, unknown>> {
  const one = load(host);
  const comeBack = await takeAway(broker, brokerDirectory, "hang");
  await new Promise((done) => setTimeout(done, 4000));
  await stations.get("collector").stop("SIGKILL");
  broker = await comeBack();
  await stations.start("collector");
  await one.stop("SIGTERM");
  return { how: "hang, and kill -9 of the collector" };
}

async function kill(times: number, host: string): Promise<Record<string, unknown>> {
  const loads = [load(host), load(host)];
  await killAgainAndAgain(stations, times);
  for (const one of loads) await one.stop("SIGTERM");
  return { kills: times };
}

async function soak(): Promise<void> {
  useLab(lab);
  await ok(["lab", "up", pairManifest, "--name", lab], { timeoutMs: 90_000 });
  await stations.startAll();
  const server = await serve();
  try {
    await faults((await addressesOf("pair", "server")).v4);
  } finally {
    await server.stop("SIGTERM");
  }
}

async function faults(v4: string): Promise<void> {
  const tell = async (part: Record<string, unknown>): Promise<void> =>
    console.log(JSON.stringify({ ...part, ...(await settled()) }));
  if (Number(values.kills) > 0) await tell(await kill(Number(values.kills), v4));
  for (let time = 0; time < Number(values.hangs); time++) await tell(await hangAndKill(v4));
  if (Number(values.away) > 0) for (const how of ways) await tell(await away(how, v4));
  const sql = "SELECT argMax(counters, time) AS counters FROM ledger";
  console.log(JSON.stringify(rows(await ok(["sql", sql, "-o", "json"], { env }))[0]));
}

try {
  await soak();
} catch (error) {
  console.error(error);
  for (const name of stations.started)
    console.error(`--- ${name}\n${stations.get(name).output.slice(-8000)}`);
  process.exitCode = 1;
} finally {
  await stations.stopAll().catch(() => {});
  await stations[Symbol.asyncDispose]();
  await ok(["collector", "--remove", "--node", node]).catch(() => "");
  await ok(["lab", "down", "--name", lab]).catch(() => "");
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit();
