import type { LabFile, LabPod, LabPort } from "@weir/identity";
import { isV6 } from "./addresses.ts";
import { askAgent } from "./agent-client.ts";
import { findLab, findPods } from "./find-pod.ts";
import { LabError } from "./lab-error.ts";
import { defaultRunDirectory, podPaths } from "./run-directory.ts";
import type { ProbeResult, ProbeTarget } from "./workload/probe.ts";

/** How long one attempt waits for an answer unless told otherwise. */
const PROBE_TIMEOUT_MS = 1000;
/** Attempts at a time, over all pods. */
const PROBE_PARALLEL = 512;

export interface LabProbeOptions {
  /** Name of the lab; not needed while there is one only. */
  name?: string;
  runDirectory?: string;
  /** Every one of these at every destination; without: what each destination declares. */
  ports?: { port: number; protocol: LabPort["protocol"] }[];
  /** `namespace/pod` or `namespace/workload`; without: every pod of the manifests. */
  from?: string;
  to?: string;
  parallel?: number;
  timeoutMs?: number;
  /** 4 or 6; without: the destination's first address whose family the source has too. */
  family?: 4 | 6;
}

export interface ProbeLine {
  from: string;
  to: string;
  port: number;
  protocol: LabPort["protocol"];
  verdict: "allowed" | "denied";
  /** From the attempt to its end, inside the source's process. */
  milliseconds: number;
  /** `connected`, `replied`, `timeout`, or the system's word: a refusal is no filter's doing. */
  answer: string;
}

export interface LabProbeResult {
  lines: ProbeLine[];
  /** What could not be tried, one sentence each. */
  notes: string[];
}

interface Attempt {
  to: LabPod;
  port: number;
  target: ProbeTarget;
}

/**
 * Really connects (TCP) or sends and waits for a reply (UDP) between every ordered pair of pods,
 * from inside the source's own process, all sources at once. The questions go over unix sockets.
 */
export async function labProbe(options: LabProbeOptions = {}): Promise<LabProbeResult> {
  const runDirectory = options.runDirectory ?? defaultRunDirectory();
  const lab = findLab(runDirectory, options.name);
  const sources = select(lab, options.from);
  const destinations = select(lab, options.to);
  const parallel = options.parallel ?? PROBE_PARALLEL;
  const each = Math.max(1, Math.floor(parallel / Math.max(1, sources.length)));
  const notes = new Set<string>();
  const lines = await Promise.all(
    sources.map(async (from) => {
      const attempts = destinations.flatMap((to) => attemptsOf(from, to, options, notes));
      const results = await ask(runDirectory, lab, from, attempts, each, options.timeoutMs);
      return attempts.map((attempt, index) => lineOf(from, attempt, results[index]));
    }),
  );
  return { lines: lines.flat(), notes: [...notes] };
}

/** The pods meant; without a reference those of the manifests, the lab's own DNS not among them. */
function select(lab: LabFile, reference: string | undefined): LabPod[] {
  return reference === undefined ? lab.pods.filter((pod) => !pod.system) : findPods(lab, reference);
}

function attemptsOf(
  from: LabPod,
  to: LabPod,
  options: LabProbeOptions,
  notes: Set<string>,
): Attempt[] {
  const address = to.addresses.find((one) => fits(one, from, options.family));
  if (address === undefined) {
    notes.add(
      `${from.namespace}/${from.name} has no address family in common with ${to.namespace}/${to.name}`,
    );
    return [];
  }
  return (options.ports ?? to.ports).flatMap(({ port, protocol }) => {
    if (protocol === "SCTP") {
      notes.add(`SCTP ${port} was not probed: the lab has no SCTP sockets`);
      return [];
    }
    return [{ to, port, target: { address, port, protocol } }];
  });
}

function fits(address: string, from: LabPod, family: 4 | 6 | undefined): boolean {
  const v6 = isV6(address);
  const wanted = family === undefined || v6 === (family === 6);
  return wanted && from.addresses.some((one) => isV6(one) === v6);
}

async function ask(
  runDirectory: string,
  lab: LabFile,
  from: LabPod,
  attempts: Attempt[],
  parallel: number,
  timeoutMs = PROBE_TIMEOUT_MS,
): Promise<ProbeResult[]> {
  const { socket } = podPaths(runDirectory, lab.lab, from.cgroupId);
  const targets = attempts.map((attempt) => attempt.target);
  const rounds = Math.ceil(targets.length / parallel) + 1;
  const request = { op: "probe" as const, targets, timeoutMs, parallel };
  // Each round may take its whole timeout; the rest is for a machine that is busy.
  const answer = await askAgent(socket, request, rounds * timeoutMs * 2 + 10_000);
  return answer.results;
}

function lineOf(
  from: LabPod,
  { to, port, target }: Attempt,
  result: ProbeResult | undefined,
): ProbeLine {
  if (result === undefined)
    throw new LabError("failed", `${from.name} gave no result for ${to.name}`);
  return {
    from: `${from.namespace}/${from.name}`,
    to: `${to.namespace}/${to.name}`,
    port,
    protocol: target.protocol,
    verdict: result.allowed ? "allowed" : "denied",
    milliseconds: result.milliseconds,
    answer: result.answer,
  };
}
