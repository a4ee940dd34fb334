import type { ChildProcess } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { LabFile } from "@weir/identity";
import { isV6 } from "./addresses.ts";
import { askAgent } from "./agent-client.ts";
import type { Behaviour } from "./behaviour.ts";
import { LabError } from "./lab-error.ts";
import { isDns } from "./plan.ts";
import { endedEarly, startProcess, writeNameFiles } from "./pod-process.ts";
import type { Place } from "./pod-process.ts";
import { dnsProgram, NODE_FLAGS } from "./program.ts";
import { labPaths, podPaths, SOCKET_PATH_MAX } from "./run-directory.ts";
import type { Upstream, WorkloadSpec } from "./workload/spec.ts";
import { settleAll } from "./settle.ts";

/** Longest a pod may take from its start until it listens on every port. */
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 20;
/** Hosts of its own /24 that a scan of `neighbours` tries. */
const NEIGHBOURS = 8;

/** A pod, or the internet, and what its process is to do. */
export interface PodStart {
  place: Place;
  labels: Record<string, string>;
  listen: WorkloadSpec["listen"];
  upstreams: Upstream[];
  behaviour: Behaviour;
  env: Record<string, string>;
}

/** Starts the processes of pods that are wired and waits until each listens on all its ports. */
export async function startPods(
  runDirectory: string,
  lab: LabFile,
  program: string,
  starts: PodStart[],
): Promise<void> {
  const started = starts.map((start) => ({
    start,
    child: startPod(runDirectory, lab, program, start),
  }));
  try {
    await settleAll(
      started.map(({ start, child }) => becomesReady(runDirectory, lab.lab, start.place, child)),
    );
  } finally {
    for (const { child } of started) child.removeAllListeners();
  }
}

/** Tells pods that everybody listens now: their calls begin. */
export async function beginCalls(
  runDirectory: string,
  lab: string,
  places: Place[],
): Promise<void> {
  await settleAll(
    places.map(({ cgroupId }) =>
      askAgent(podPaths(runDirectory, lab, cgroupId).socket, { op: "begin" }, READY_TIMEOUT_MS),
    ),
  );
}

/** Addresses of the DNS pods that a pod can reach: of one family, or a lost server costs it twice. */
function dnsServers(lab: LabFile, addresses: string[]): string[] {
  const v6 = addresses.every(isV6);
  return lab.pods.filter(isDns).flatMap((pod) => pod.addresses.filter((one) => isV6(one) === v6));
}

function startPod(
  runDirectory: string,
  lab: LabFile,
  program: string,
  start: PodStart,
): ChildProcess {
  const { place, behaviour } = start;
  const paths = podPaths(runDirectory, lab.lab, place.cgroupId);
  if (Buffer.byteLength(paths.socket) > SOCKET_PATH_MAX) {
    throw new LabError(
      "invalid",
      `${paths.socket} is too long for a socket: use a shorter run directory`,
    );
  }
  writeNameFiles(runDirectory, lab.lab, place, dnsServers(lab, place.addresses));
  const spec: WorkloadSpec = {
    namespace: place.namespace,
    pod: place.name,
    socket: paths.socket,
    listen: start.listen,
    upstreams: start.upstreams,
    ...behaviour,
  };
  if (behaviour.scan !== undefined) {
    const targets = behaviour.scan.targets.flatMap((one) => neighbours(one, place.addresses));
    spec.scan = { ...behaviour.scan, targets };
  }
  writeFileSync(paths.spec, JSON.stringify(spec), { mode: 0o600 });
  const dns = isDns({ namespace: place.namespace, labels: start.labels });
  const command = dns
    ? [dnsProgram(), paths.spec, labPaths(runDirectory, lab.lab).state]
    : [program, paths.spec];
  return startProcess(
    runDirectory,
    lab.lab,
    place,
    [process.execPath, ...NODE_FLAGS, ...command],
    start.env,
  );
}

/** The word `neighbours` as addresses next to the pod's own, taken or not: a scanner cannot know. */
function neighbours(target: string, own: string[]): string[] {
  if (target !== "neighbours") return [target];
  const prefix = own.find((address) => !isV6(address))?.replace(/\d+$/, "");
  if (prefix === undefined) return [];
  return Array.from({ length: NEIGHBOURS }, (_, index) => `${prefix}${index + 2}`).filter(
    (address) => !own.includes(address),
  );
}

async function becomesReady(
  runDirectory: string,
  lab: string,
  place: Place,
  child: ChildProcess,
): Promise<void> {
  const { socket } = podPaths(runDirectory, lab, place.cgroupId);
  let ended: string | undefined;
  child.once("exit", (code, signal) => (ended = `ended (${signal ?? code}) before it listened`));
  child.once("error", (error) => (ended = `could not be started: ${error.message}`));
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ;) {
    if (ended !== undefined) throw endedEarly(runDirectory, lab, place, ended);
    if (Date.now() > deadline) {
      throw endedEarly(runDirectory, lab, place, `does not listen after ${READY_TIMEOUT_MS} ms`);
    }
    // The socket exists a moment before it listens: a refusal means not yet.
    if (existsSync(socket) && (await answersReady(socket))) return;
    await sleep(READY_POLL_MS);
  }
}

async function answersReady(socket: string): Promise<boolean> {
  return askAgent(socket, { op: "ready" }, READY_TIMEOUT_MS).then(
    () => true,
    () => false,
  );
}
