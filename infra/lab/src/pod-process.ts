import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import type { LabPod } from "@weir/identity";
import { LabError } from "./lab-error.ts";
import { heldLock } from "./lab-lock.ts";
import { podPaths } from "./run-directory.ts";

/** Characters of a failed process's log that go into the error. */
const LOG_TAIL = 600;

/*
 * Enters the pod's cgroup first, so that whatever comes of it is found there; then its network
 * namespace, and a mount namespace in which /etc/resolv.conf and /etc/hosts are the pod's. Until it is
 * in the cgroup nobody could find it, so until then it holds the lab's lock.
 */
const ENTER = `set -e
cgroup=$1 netns=$2 name=$3 resolv=$4 hosts=$5; shift 5
echo $$ > "$cgroup/cgroup.procs"
exec 3>&-
exec nsenter --net="$netns" unshare --mount --uts --propagation slave sh -ec '
  mount --bind "$1" /etc/resolv.conf; mount --bind "$2" /etc/hosts; hostname "$3"
  shift 3; exec "$@"' enter "$resolv" "$hosts" "$name" "$@"`;

/** Where a command runs: a pod, or the lab's internet, which is wired like one. */
export type Place = Pick<
  LabPod,
  "namespace" | "name" | "addresses" | "netns" | "cgroup" | "cgroupId"
>;

/** Starts a command inside a pod. */
export function spawnInPod(
  runDirectory: string,
  lab: string,
  place: Place,
  command: string[],
  options: { stdio: StdioOptions; env: Record<string, string | undefined>; detached: boolean },
): ChildProcess {
  const { resolv, hosts } = podPaths(runDirectory, lab, place.cgroupId);
  const args = [place.cgroup, place.netns, place.name, resolv, hosts, ...command];
  return spawn("sh", ["-c", ENTER, "enter", ...args], { ...options, cwd: "/" });
}

/** Writes the files that a pod sees as /etc/resolv.conf and /etc/hosts. */
export function writeNameFiles(
  runDirectory: string,
  lab: string,
  place: Place,
  servers: string[],
): void {
  const { resolv, hosts } = podPaths(runDirectory, lab, place.cgroupId);
  const domains = [`${place.namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"];
  const lines = [
    ...servers.map((address) => `nameserver ${address}`),
    `search ${domains.join(" ")}`,
    "options ndots:5 timeout:1 attempts:3",
  ];
  writeFileSync(resolv, `${lines.join("\n")}\n`);
  const own = place.addresses.map((address) => `${address} ${place.name}`);
  writeFileSync(hosts, `${["127.0.0.1 localhost", "::1 localhost", ...own].join("\n")}\n`);
}

/** Starts a pod's own process, which outlives this one. */
export function startProcess(
  runDirectory: string,
  lab: string,
  place: Place,
  command: string[],
  env: Record<string, string>,
): ChildProcess {
  const log = openSync(podPaths(runDirectory, lab, place.cgroupId).log, "a", 0o600);
  try {
    const path = process.env["PATH"];
    const child = spawnInPod(runDirectory, lab, place, command, {
      stdio: ["ignore", log, log, heldLock() ?? "ignore"],
      env: { PATH: path, HOSTNAME: place.name, ...env },
      detached: true,
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** The error of a process that ended before it listened, with the end of its log. */
export function endedEarly(runDirectory: string, lab: string, place: Place, how: string): LabError {
  const { log } = podPaths(runDirectory, lab, place.cgroupId);
  const text = existsSync(log) ? readFileSync(log, "utf8").trim().slice(-LOG_TAIL) : "";
  return new LabError("failed", `pod ${place.namespace}/${place.name} ${how}: ${text}`);
}
