import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { probe } from "./probe.ts";

const loopback = (port: number, protocol: "TCP" | "UDP") => ({
  address: "127.0.0.1",
  port,
  protocol,
});

describe("probe", () => {
  it("says connected, or refused", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await probe(loopback(port, "TCP"), 5000)).toMatchObject({
      allowed: true,
      answer: "connected",
    });
    server.close();
    await once(server, "close");
    expect(await probe(loopback(port, "TCP"), 5000)).toMatchObject({
      allowed: false,
      answer: "ECONNREFUSED",
    });
  });

  it("takes the answer to any of its datagrams, and silence for a denial", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    let heard = 0;
    let mute = 1;
    socket.on("message", (message, from) => {
      heard += 1;
      if (heard > mute) socket.send(message, from.port, from.address);
    });
    expect(await probe(loopback(port, "UDP"), 600)).toMatchObject({
      allowed: true,
      answer: "replied",
    });
    expect(heard).toBe(2);
    mute = Infinity;
    expect(await probe(loopback(port, "UDP"), 150)).toMatchObject({
      allowed: false,
      answer: "timeout",
    });
    socket.close();
  });

  it("does not take its own sleep for somebody's silence", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const result = probe(loopback(port, "TCP"), 50);
    for (const end = performance.now() + 120; performance.now() < end;);
    expect(await result).toMatchObject({ allowed: true, answer: "connected" });
    server.close();
  });
});
