import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Station, eventually, ok, rows } from "@weir/test-path";
import { type Bench, type Result, percentile, result } from "./result.ts";

const api = "127.0.0.1:17780";
const env = { WEIR_API: `http://${api}` };

/** Ports that nothing else in the shop uses, so that one row tells of one probe. */
const firstProbePort = 41_000;

async function query<Row>(sql: string): Promise<Row[]> {
  const response = await fetch(`${env.WEIR_API}/v1/sql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: sql, format: "JSONEachRow" }),
  });
  if (!response.ok) throw new Error(`${sql}: ${await response.text()}`);
  return rows<Row>(await response.text());
}

/** One UDP datagram from a pod; resolves with the wall time at which it was sent. */
async function probe(pod: string, address: string, port: number): Promise<number> {
  const family = address.includes(":") ? "udp6" : "udp4";
  const script = `const s=require("dgram").createSocket("${family}");const t=Date.now();s.send("w",${port},${JSON.stringify(address)},(e)=>{if(e)throw e;console.log(t);s.close()})`;
  return Number(await ok(["lab", "exec", pod, "--", process.execPath, "-e", script], { env }));
}

async function kernelToRow(
  samples: number,
  progress: (text: string) => void,
): Promise<{ row: number[]; asking: number[] }> {
  const [target] = await query<{ ip: string }>(
    "SELECT toString(any(dst_ip)) AS ip FROM flows WHERE dst_workload = 'cart'",
  );
  if (!target) throw new Error("the shop's cart has not been seen");
  const row: number[] = [];
  const asking: number[] = [];
  for (let i = 0; i < samples; i++) {
    const port = firstProbePort + i;
    await new Promise((done) => setTimeout(done, Math.random() * 1000));
    const sent = await probe("shop/database", target.ip, port);
    await eventually(
      async () => {
        const asked = performance.now();
        const found = await query(`SELECT 1 FROM flows WHERE dst_port = ${port} LIMIT 1`);
        asking.push(performance.now() - asked);
        if (found.length === 0) throw new Error(`the probe to port ${port} has no row`);
      },
      20_000,
      20,
    );
    row.push(Date.now() - sent);
    if ((i + 1) % 10 === 0) progress(`${i + 1} of ${samples} probes`);
  }
  return { row, asking };
}

/** Proportional set size in MiB: pages shared with others counted by share. */
function pssMiB(pid: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Number(found?.[1] ?? 0) / 1024;
}

function rssMiB(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0) / 1024;
}

async function bareNodeMiB(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
  await new Promise((done) => setTimeout(done, 1500));
  const rss = rssMiB(child.pid as number);
  child.kill();
  return rss;
}

async function run({
  quick,
  progress,
}: {
  quick: boolean;
  progress: (text: string) => void;
}): Promise<Result[]> {
  const data = mkdtempSync(join(tmpdir(), "weir-bench-"));
  await using up = Station.weir(
    ["up", "--lab", "shop", "--interfaces", "none", "--data", data, "--listen", api],
    env,
  );
  try {
    await eventually(() => ok(["status", "-o", "json"], { env }), 90_000);
    progress("the shop is up, measuring kernel to row");
    await eventually(async () => {
      const [seen] = await query<{ n: number }>(
        "SELECT count() AS n FROM flows WHERE dst_workload = 'cart'",
      );
      if (!seen || seen.n === 0) throw new Error("no flow of the shop yet");
    }, 60_000);
    const { row, asking } = await kernelToRow(quick ? 20 : 80, progress);
    progress("measuring memory");
    await new Promise((done) => setTimeout(done, quick ? 5_000 : 30_000));
    const rss = rssMiB(up.child.pid as number);
    const pss = pssMiB(up.child.pid as number);
    const bare = await bareNodeMiB();
    const asked = percentile(asking, 0.5);
    return [
      result("path", "kernel-to-row-p50", percentile(row, 0.5), "ms", asked),
      result("path", "kernel-to-row-p99", percentile(row, 0.99), "ms", asked),
      result("path", "rss-at-rest", rss, "MiB", bare),
      result("path", "pss-at-rest", pss, "MiB", bare),
    ];
  } finally {
    if (up.running) await up.stop("SIGINT", 60_000);
    rmSync(data, { recursive: true, force: true });
  }
}

export const path: Bench = {
  name: "path",
  about: "packet to row that a query returns, and memory at rest, with the shop",
  run,
};
