/**
 * Runs in a pod: listens, and from a sign on sends without a pause until it is told to stop. Standard input: a
 * ProberOrder. Standard output, at the end: a ProberReport.
 */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";

export interface Stream {
  id: number;
  address: string;
  port: number;
  /** `kept`: datagrams of one socket. `fresh`: a socket each. `tcp`: a connection each. */
  kind: "kept" | "fresh" | "tcp";
  intervalMs: number;
}

export interface ProberOrder {
  listen: number[];
  streams: Stream[];
  /** It makes this file when it listens. */
  readyFile: string;
  /** It sends when this file is there. */
  startFile: string;
  /** It ends when this file is there, or after `longestMs`. */
  stopFile: string;
  longestMs: number;
}

export interface ProberReport {
  /** Stream, number, and when it was sent: not before and not after, in ms since 1970. */
  sent: [stream: number, number: number, fromMs: number, untilMs: number][];
  /** Stream and number of what came here. */
  arrived: [stream: number, number: number][];
}

const connectTimeoutMs = 300;
const order = JSON.parse(readFileSync(0, "utf8")) as ProberOrder;
const report: ProberReport = { sent: [], arrived: [] };
const now = (): number => performance.timeOrigin + performance.now();

function letter(stream: number, number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(stream, 0);
  bytes.writeUInt32BE(number, 4);
  return bytes;
}

function take(bytes: Buffer): void {
  if (bytes.length >= 8) report.arrived.push([bytes.readUInt32BE(0), bytes.readUInt32BE(4)]);
}

async function listen(port: number): Promise<void> {
  const socket = createSocket("udp6").on("message", take).bind(port, "::");
  await once(socket, "listening");
  const server = createServer((one) => one.on("error", () => {}).on("data", take));
  await once(server.listen(port, "::"), "listening");
}

function datagram(stream: Stream, number: number, socket: Socket, done: () => void): void {
  const from = now();
  socket.send(letter(stream.id, number), stream.port, stream.address, (error) => {
    // What did not leave the pod was judged by nobody.
    if (error === null) report.sent.push([stream.id, number, Math.floor(from), Math.ceil(now())]);
    done();
  });
}

function connection(stream: Stream, number: number): void {
  const from = now();
  const socket = connect({ host: stream.address, port: stream.port });
  const end = (): void => {
    clearTimeout(late);
    socket.destroy();
    report.sent.push([stream.id, number, Math.floor(from), Math.ceil(now())]);
  };
  const late = setTimeout(end, connectTimeoutMs);
  socket.once("connect", () => socket.end(letter(stream.id, number)));
  socket.once("close", () => socket.destroyed || end());
  socket.once("error", end);
}

function start(stream: Stream): NodeJS.Timeout {
  const family = stream.address.includes(":") ? "udp6" : "udp4";
  const kept = createSocket(family);
  let number = 0;
  return setInterval(() => {
    number += 1;
    if (stream.kind === "tcp") connection(stream, number);
    else if (stream.kind === "kept") datagram(stream, number, kept, () => {});
    else {
      const socket = createSocket(family);
      datagram(stream, number, socket, () => socket.close());
    }
  }, stream.intervalMs);
}

await Promise.all(order.listen.map(listen));
writeFileSync(order.readyFile, "");
const began = now();
let timers: NodeJS.Timeout[] | undefined;
const watching = setInterval(() => {
  if (timers === undefined && existsSync(order.startFile)) timers = order.streams.map(start);
  if (!existsSync(order.stopFile) && now() - began < order.longestMs) return;
  clearInterval(watching);
  for (const timer of timers ?? []) clearInterval(timer);
  // What is still under way arrives, at this pod as at the others.
  setTimeout(() => {
    process.stdout.write(JSON.stringify(report), () => process.exit(0));
  }, 1000);
}, 20);
