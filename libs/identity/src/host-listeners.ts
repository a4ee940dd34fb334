import { readdir, readFile, readlink } from "node:fs/promises";
import type { Workload } from "@weir/codec";

const TCP_LISTEN = "0A";
/** An unconnected UDP socket. */
const UDP_OPEN = "07";

/**
 * Ports that something on this host listens on, named by the systemd unit of its process or else
 * by the process. Sockets whose owner cannot be seen are left out. Reads /proc; takes some
 * milliseconds per hundred processes.
 */
export async function hostListeners(proc = "/proc"): Promise<Workload["ports"]> {
  const ports = new Map<string, { port: number; protocol: number }>();
  for (const [file, protocol, state] of [
    ["tcp", 6, TCP_LISTEN],
    ["tcp6", 6, TCP_LISTEN],
    ["udp", 17, UDP_OPEN],
    ["udp6", 17, UDP_OPEN],
  ] as const) {
    for (const { inode, port } of parseSockets(await textOf(`${proc}/net/${file}`), state)) {
      ports.set(inode, { port, protocol });
    }
  }
  if (ports.size === 0) return [];
  const named: Workload["ports"] = [];
  for (const pid of await namesOf(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const own = await socketsOf(`${proc}/${pid}/fd`);
    const listening = own.filter((inode) => ports.has(inode));
    if (listening.length === 0) continue;
    const name = await processName(`${proc}/${pid}`);
    for (const inode of listening)
      named.push({ name, ...(ports.get(inode) as { port: number; protocol: number }) });
  }
  return distinct(named);
}

/** Lines of /proc/net/tcp and its siblings in the wanted state. */
export function parseSockets(table: string, state: string): { inode: string; port: number }[] {
  const sockets: { inode: string; port: number }[] = [];
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [local, inode] = [fields[1], fields[9]];
    if (fields[3] !== state || local === undefined || inode === undefined || inode === "0")
      continue;
    sockets.push({ inode, port: Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16) });
  }
  return sockets;
}

async function socketsOf(folder: string): Promise<string[]> {
  const links = await Promise.all(
    (await namesOf(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => "")),
  );
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

async function processName(folder: string): Promise<string> {
  const unit = /([^/\n]+\.service)(\/|\n|$)/.exec(await textOf(`${folder}/cgroup`))?.[1];
  return unit ?? ((await textOf(`${folder}/comm`)).trim() || "unknown");
}

function distinct(ports: Workload["ports"]): Workload["ports"] {
  const seen = new Map(ports.map((port) => [`${port.protocol}/${port.port}`, port]));
  return [...seen.values()].sort((one, two) => one.protocol - two.protocol || one.port - two.port);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}

async function namesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}
