/**
 * Run inside a pod's namespace, for as long as stdin is open. `steady.ts receive OPEN SHUT` answers at
 * OPEN and counts what comes at SHUT. `steady.ts send V4 V6 OPEN SHUT` keeps connections to OPEN
 * talking, makes new ones there, and tries SHUT all the while. Each line on stdin is answered with
 * what was counted, as JSON; "stop" first waits for what is under way.
 */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

export interface Received {
  /** Connections and datagrams that nobody may make or send. */
  shutConnections: number;
  shutDatagrams: number;
}

export interface Sent {
  /** Bytes on the connections that stay, and those that came back. */
  bytes: number;
  echoed: number;
  /** Ends and errors of connections that stay. */
  broken: number;
  /** New connections where they are allowed, and those that were answered. */
  opened: number;
  answered: number;
  /** Attempts where nothing is allowed, and those that were connected. */
  triedConnections: number;
  triedDatagrams: number;
  connected: number;
}

const [role = "", ...args] = process.argv.slice(2);
const exchangeIntervalMs = 10;
const attemptIntervalMs = 20;
const openIntervalMs = 100;
const attemptTimeoutMs = 200;
const answerTimeoutMs = 10_000;
let isStopping = false;

function receive(open: number, shut: number): () => Received {
  const counts: Received = { shutConnections: 0, shutDatagrams: 0 };
  createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(open, "::");
  createServer((socket) => {
    counts.shutConnections++;
    socket.destroy();
  }).listen(shut, "::", () => process.stdout.write("ready\n"));
  const udp = createSocket("udp6");
  udp.on("message", () => counts.shutDatagrams++);
  udp.bind(shut, "::");
  return () => counts;
}

function every(intervalMs: number, run: () => void): void {
  const timer = setInterval(() => (isStopping ? clearInterval(timer) : run()), intervalMs);
}

function send(addresses: string[], open: number, shut: number): () => Sent {
  const counts: Sent = {
    ...{ bytes: 0, echoed: 0, broken: 0, opened: 0, answered: 0 },
    ...{ triedConnections: 0, triedDatagrams: 0, connected: 0 },
  };
  const udp = createSocket("udp6");
  let ready = 0;
  for (const host of addresses) {
    const kept = connect({ host, port: open }, () => {
      if (++ready === addresses.length) process.stdout.write("ready\n");
      every(exchangeIntervalMs, () => {
        counts.bytes += 32;
        kept.write(new Uint8Array(32));
      });
    });
    kept.on("data", (chunk) => (counts.echoed += chunk.length));
    kept.on("error", () => counts.broken++).on("end", () => counts.broken++);
    every(openIntervalMs, () => {
      counts.opened++;
      const fresh = connect({ host, port: open }, () => fresh.write("x"));
      fresh.setTimeout(answerTimeoutMs, () => fresh.destroy());
      fresh
        .on("error", () => {})
        .once("data", () => {
          counts.answered++;
          fresh.destroy();
        });
    });
    every(attemptIntervalMs, () => {
      counts.triedConnections++;
      const tried = connect({ host, port: shut }, () => counts.connected++);
      tried.setTimeout(attemptTimeoutMs, () => tried.destroy());
      tried.on("error", () => {});
      counts.triedDatagrams++;
      udp.send("x", shut, host.includes(":") ? host : `::ffff:${host}`);
    });
  }
  return () => counts;
}

async function settle(counts: () => Received | Sent): Promise<void> {
  isStopping = true;
  for (let waitedMs = 0; waitedMs < answerTimeoutMs; waitedMs += 50) {
    const now = counts();
    if (!("echoed" in now) || (now.echoed === now.bytes && now.answered === now.opened)) return;
    await pause(50);
  }
}

const numbers = args.slice(-2).map(Number) as [number, number];
const counts = role === "receive" ? receive(...numbers) : send(args.slice(0, -2), ...numbers);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "stop") await settle(counts);
  process.stdout.write(`${JSON.stringify(counts())}\n`);
}
process.exit(0);
