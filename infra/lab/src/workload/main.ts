/**
 * The one program of every pod in the lab: listens on what the manifest declares and calls what its
 * environment names. Argument: path of a WorkloadSpec.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { serveAgent } from "./agent.ts";
import { call, CALL_TIMEOUT_MS } from "./call.ts";
import { counted, newCount, newCounts } from "./counts.ts";
import type { WorkloadCounts } from "./counts.ts";
import { listenAll } from "./listen.ts";
import { scan } from "./scan.ts";
import type { Upstream, WorkloadSpec } from "./spec.ts";

const spec = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as WorkloadSpec;
const counts = newCounts();
const begun = Promise.withResolvers<void>();
const ready = listenAll(spec, counts);
await serveAgent(spec.socket, { counts, ready, begin: begun.resolve });
await ready;
await begun.promise;
await sleep(spec.startAfterMs);
if (spec.calls === "background") {
  for (const upstream of spec.upstreams) void callForEver(upstream, spec, counts);
}
if (spec.scan !== undefined) void scan(spec.scan, counts);

async function callForEver(to: Upstream, { pauseMs }: WorkloadSpec, all: WorkloadCounts) {
  const count = (all.calls[to.name] = newCount());
  for (;;) {
    await sleep(pauseMs.from + Math.random() * (pauseMs.to - pauseMs.from));
    await counted(count, () => call(to, CALL_TIMEOUT_MS));
  }
}
