/**
 * The long form of what stations.test.ts does in seconds, on a broker and a lab of its own:
 *
 *   node src/spool-soak.ts [--kills 50] [--away 600] [--how refuse|hang]
 *
 * The collector is killed so many times under load, then the broker is away so many seconds. Ends
 * with 1 unless every packet that an interface counted is in exactly one row. Prints one JSON line
 * for each part: what was produced, the collector's memory, how long the broker was away and how
 * long the collector then took to catch up.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startBroker } from "@weir/kafka";
import type { RunningBroker } from "@weir/kafka";
import { addressesOf, pairManifest, serve, useLab } from "./exact.ts";
import { eventually, ok, rows } from "./process.ts";
import { killAgainAndAgain, ledgerOf, load, missingPackets } from "./spool-faults.ts";
import { Stations } from "./stations.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    away: { type: "string", default: "600" },
    how: { type: "string", default: "refuse" },
  },
});
const node = "path-node-1";
const directory = mkdtempSync(join(tmpdir(), "soak-"));
let broker: RunningBroker = await startBroker({ directory: join(directory, "kafka") });
const stations = new Stations(directory, broker.address, node);
const env = stations.env;

/** Peak of resident memory so far. */
function peakMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function settled(): Promise<Record<string, unknown>> {
  return eventually(async () => {
    const missing = await missingPackets({ env, server: { v4: "", v6: "" } });
    const [ledger] = await ledgerOf({ env, server: { v4: "", v6: "" } });
    const sum = missing.reduce((all, one) => all + Math.abs(one.missing), 0);
    if (!ledger || sum > 0 || ledger.unexplained > 0 || !ledger.complete)
      throw new Error(`not balanced: ${JSON.stringify({ missing, ledger })}`);
    return { produced: ledger.produced, stored: ledger.stored, missing: sum };
  }, 180_000);
}

async function away(seconds: number, host: string): Promise<Record<string, unknown>> {
  const one = load(host);
  if (values.how === "hang") process.kill(broker.pid, "SIGSTOP");
  else await broker.kill();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const memoryMiB = peakMiB(stations.get("collector").child.pid);
  if (values.how === "hang") process.kill(broker.pid, "SIGCONT");
  else broker = await startBroker({ directory: join(directory, "kafka") });
  const back = performance.now();
  await stations.get("collector").says(/everything that waited is with the bus/, 300_000);
  const caughtUpSeconds = Math.round((performance.now() - back) / 100) / 10;
  await one.stop("SIGTERM");
  return { how: values.how, awaySeconds: seconds, caughtUpSeconds, peakMiB: memoryMiB };
}

try {
  useLab("path");
  await ok(["lab", "up", pairManifest, "--name", "path"], { timeoutMs: 90_000 });
  await stations.startAll();
  await using _server = await serve();
  const { v4 } = await addressesOf("pair", "server");
  if (Number(values.kills) > 0) {
    const one = load(v4);
    await killAgainAndAgain(stations, Number(values.kills));
    await one.stop("SIGTERM");
    console.log(JSON.stringify({ kills: Number(values.kills), ...(await settled()) }));
  }
  if (Number(values.away) > 0) {
    const told = await away(Number(values.away), v4);
    console.log(JSON.stringify({ ...told, ...(await settled()) }));
  }
  const sql = "SELECT argMax(counters, time) AS counters FROM ledger";
  console.log(JSON.stringify(rows(await ok(["sql", sql, "-o", "json"], { env }))[0]));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await stations.stopAll().catch(() => {});
  await stations[Symbol.asyncDispose]();
  await ok(["collector", "--remove", "--node", node]).catch(() => "");
  await ok(["lab", "down", "--name", "path"]).catch(() => "");
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit();
