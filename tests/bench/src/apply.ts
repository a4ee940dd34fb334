import { setTimeout as sleep } from "node:timers/promises";
import { openApplyBed } from "./apply-bed.ts";
import type { ApplyBed } from "./apply-bed.ts";
import { nowMs } from "./apply-prober.ts";
import type { Stages } from "./apply-stages.ts";
import { measuredPolicy, policyTexts } from "./apply-world.ts";
import { percentile, result } from "./result.ts";
import type { Bench, Result } from "./result.ts";

const podCount = 1000;
const policyCount = 3000;
const patienceMs = 20_000;

interface Sample {
  /** From the request to the first datagram that does not arrive. */
  deniedMs: number;
  /** To the answer, which says that every node holds it. */
  answeredMs: number;
  stages: Stages;
}

async function post(bed: ApplyBed, path: string, text: string): Promise<void> {
  const response = await fetch(bed.url + path, {
    method: "POST",
    headers: { "content-type": "application/yaml" },
    body: text,
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${answer.slice(0, 2000)}`);
  const { nodes } = JSON.parse(answer) as { nodes: string[] };
  if (nodes.length === 0) throw new Error(`${path}: in force on no node: ${answer.slice(0, 2000)}`);
}

const policies = "/v1/policies?allowEmptySelection=true";

/** `what` is asked for when time is up. */
async function until(what: () => string, holds: () => boolean): Promise<void> {
  const deadline = nowMs() + patienceMs;
  while (!holds()) {
    if (nowMs() > deadline) throw new Error(`not within ${patienceMs} ms: ${what()}`);
    await sleep(10);
  }
}

/** Opens the target, waits for traffic, closes it, and looks which datagram was the first lost. */
async function measure(bed: ApplyBed): Promise<Sample> {
  const { prober, watch } = bed;
  prober.forget();
  await post(bed, policies, measuredPolicy(true));
  const openMs = nowMs();
  await until(
    () => `datagrams arrive; ${prober.account(openMs)}`,
    () => prober.arrives(openMs) === true,
  );
  // At no fixed moment of any timer.
  await sleep(50 + Math.random() * 200);
  const began = watch.begin();
  await post(bed, policies, measuredPolicy(false));
  const answered = nowMs();
  await until(
    () => `datagrams are lost; ${prober.account(answered)}`,
    () => prober.arrives(answered) === false,
  );
  const denied = prober.firstDenied(began);
  if (denied === undefined) throw new Error("no datagram was lost");
  return { deniedMs: denied - began, answeredMs: answered - began, stages: watch.stages };
}

async function measureMany(
  bed: ApplyBed,
  count: number,
  progress: (text: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  await measure(bed);
  for (let done = 0; done < count; done++) {
    samples.push(await measure(bed));
    if ((done + 1) % 25 === 0) progress(`${done + 1} of ${count} changes`);
  }
  return samples;
}

function results(samples: Sample[], baseline: Sample[]): Result[] {
  const of = (take: (sample: Sample) => number, p: number): [number, number] => [
    percentile(samples.map(take), p),
    percentile(baseline.map(take), p),
  ];
  const line = (name: string, [value, alone]: [number, number]): Result =>
    result("policy", name, value, "ms", alone);
  const names = ["parse", "compile", "publish", "write", "switch"] as const;
  return [
    line(
      "apply-p50",
      of(({ deniedMs }) => deniedMs, 0.5),
    ),
    line(
      "apply-p99",
      of(({ deniedMs }) => deniedMs, 0.99),
    ),
    line(
      "apply-max",
      of(({ deniedMs }) => deniedMs, 1),
    ),
    line(
      "apply-answered-p50",
      of(({ answeredMs }) => answeredMs, 0.5),
    ),
    ...names.flatMap((name) => [
      line(
        `apply-${name}-p50`,
        of(({ stages }) => stages[name], 0.5),
      ),
      line(
        `apply-${name}-p99`,
        of(({ stages }) => stages[name], 0.99),
      ),
    ]),
  ];
}

async function run(options: {
  quick: boolean;
  progress: (text: string) => void;
}): Promise<Result[]> {
  const { quick, progress } = options;
  await using bed = await openApplyBed(podCount);
  progress(`a lab of two pods, ${podCount} in the table; without other policies first`);
  const alone = await measureMany(bed, quick ? 20 : 60, progress);
  progress(`applying ${policyCount} policies`);
  const began = nowMs();
  await post(bed, policies, policyTexts(policyCount));
  progress(`${policyCount} policies are in force after ${Math.round(nowMs() - began)} ms`);
  return results(await measureMany(bed, quick ? 50 : 300, progress), alone);
}

export const apply: Bench = {
  name: "policy",
  about: "a policy written to the first packet denied, by stages; 1,000 pods and 3,000 policies",
  run,
};
