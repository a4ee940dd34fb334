import { existsSync, readFileSync, readdirSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { run, runChecked } from "../command.ts";
import { NETNS_DIRECTORY } from "../lab-name.ts";

export function netnsPath(name: string): string {
  return join(NETNS_DIRECTORY, name);
}

/** Makes network namespaces and runs further `ip` commands of the root namespace, in one process. */
export async function makeNetns(names: string[]): Promise<void> {
  await ipBatch(names.map((name) => `netns add ${name}`));
}

/** Runs `ip` commands in this process's own network namespace. They must not touch its links. */
export async function ipBatch(commands: string[]): Promise<void> {
  if (commands.length > 0) await runChecked("ip", ["-batch", "-"], lines(commands));
}

const CONFIGURE = `while [ $# -gt 0 ]; do
  case $1 in /*/ipv6/*) [ -e "$1" ] || { shift 2; continue; };; esac
  echo "$2" > "$1" || exit 1; shift 2
done; exec ip -batch -`;

/**
 * Sets sysctls (path below /proc/sys -> value), then runs `ip` commands, inside a network namespace
 * given by path. nsenter rather than `ip netns exec`: that one remounts /sys and hides bpffs.
 */
export async function configureNetns(
  netns: string | undefined,
  sysctls: Record<string, string>,
  commands: string[],
): Promise<void> {
  const pairs = Object.entries(sysctls).flatMap(([path, value]) => [`/proc/sys/${path}`, value]);
  const shell = ["sh", "-c", CONFIGURE, "configure", ...pairs];
  const [command, ...args] = netns === undefined ? shell : ["nsenter", `--net=${netns}`, ...shell];
  await runChecked(command ?? "", args, lines(commands));
}

interface Link {
  ifname: string;
  ifindex: number;
  address: string;
}

/** Interfaces of a network namespace by name. */
export async function linksOf(netns: string | undefined): Promise<Map<string, Link>> {
  const ip = ["ip", "-j", "link", "show"];
  const [command, ...args] = netns === undefined ? ip : ["nsenter", `--net=${netns}`, ...ip];
  const links = JSON.parse(await runChecked(command ?? "", args)) as Link[];
  return new Map(links.map((link) => [link.ifname, link]));
}

export function listNetns(): string[] {
  return existsSync(NETNS_DIRECTORY) ? readdirSync(NETNS_DIRECTORY) : [];
}

/** Removes namespaces by name; one that is gone already is no error. */
export async function removeNetns(names: string[]): Promise<void> {
  const present = names.filter((name) => existsSync(netnsPath(name)));
  if (present.length === 0) return;
  await runChecked("ip", ["-batch", "-"], lines(present.map((name) => `netns delete ${name}`)));
}

/** True when no `ip netns add` has ever prepared /run/netns: the one who does must clear it away. */
export function isNetnsDirectoryUntouched(): boolean {
  return !existsSync(NETNS_DIRECTORY);
}

/** Takes away the mount that the first `ip netns add` made, unless somebody has a namespace there. */
export async function removeNetnsDirectory(): Promise<void> {
  if (listNetns().length > 0) return;
  const mounted = readFileSync("/proc/self/mounts", "utf8").includes(` ${NETNS_DIRECTORY} `);
  // Busy means that another `ip netns add` has just put something there: then it stays.
  if (mounted && (await run("umount", [NETNS_DIRECTORY])).code !== 0) return;
  try {
    rmdirSync(NETNS_DIRECTORY);
  } catch {
    // The same, a moment later.
  }
}

export const netnsNameOf = (path: string): string => basename(path);

function lines(commands: string[]): string {
  return commands.map((command) => `${command}\n`).join("");
}
