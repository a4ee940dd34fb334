import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { respond } from "./respond.ts";
import type { Zone } from "./records.ts";

/** Connections held at a time, and how long one may be silent. */
const CONNECTIONS_MAX = 64;
const IDLE_MS = 10_000;

/** Serves DNS over UDP and TCP, IPv4 and IPv6. `zone` is asked anew for each message. */
export async function serveDns(port: number, zone: () => Zone): Promise<void> {
  await Promise.all([serveUdp(port, zone), serveTcp(port, zone)]);
}

async function serveUdp(port: number, zone: () => Zone): Promise<void> {
  const socket = createSocket("udp6");
  socket.on("message", (message, from) => {
    const answer = respond(zone(), message, "udp");
    // An answer that cannot be sent is as good as lost: the client asks again.
    if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
  });
  socket.bind(port, "::");
  await once(socket, "listening");
}

async function serveTcp(port: number, zone: () => Zone): Promise<void> {
  const server = createServer((socket) => void converse(socket, zone));
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(port, "::");
  await once(server, "listening");
}

/** Each message is preceded by its length in two bytes (RFC 1035, 4.2.2). */
async function converse(socket: Socket, zone: () => Zone): Promise<void> {
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  let pending = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      pending = Buffer.concat([pending, chunk as Buffer]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const answer = respond(zone(), pending.subarray(2, end), "tcp");
        pending = pending.subarray(end);
        if (answer === undefined) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    }
  } catch {
    // The client went away.
  } finally {
    socket.destroy();
  }
}
