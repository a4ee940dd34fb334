/**
 * Traffic with a known count, run inside a pod: `node traffic.ts MODE HOST PORT COUNT BYTES`.
 *
 *   serve - PORT    echoes TCP and UDP on both families, prints `listening`, until it is ended
 *   tcp             COUNT connections one after another, each sends BYTES and reads them back
 *   udp             COUNT datagrams of BYTES, each after the answer to the one before
 *   hold            one connection, an exchange every 20 ms until SIGTERM; says `holding` first
 *
 * A client prints {"answered":N,"failed":N}. No datagram is sent twice.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";

const [mode, host = "", portText = "0", countText = "1", bytesText = "1"] = process.argv.slice(2);
const port = Number(portText);
const count = Number(countText);
const payload = Buffer.alloc(Number(bytesText), "w");

async function serve(): Promise<void> {
  const tcp = createServer((socket) => socket.on("error", () => socket.destroy()).pipe(socket));
  tcp.listen(port, "::");
  const udp = createSocket("udp6");
  udp.on("message", (message, from) => udp.send(message, from.port, from.address));
  udp.bind(port, "::");
  await Promise.all([once(tcp, "listening"), once(udp, "listening")]);
  console.log("listening");
}

async function tcpOnce(): Promise<boolean> {
  const socket = connect({ host, port, timeout: 3000 });
  socket.on("timeout", () => socket.destroy(new Error("timeout")));
  try {
    await once(socket, "connect");
    let received = 0;
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received === payload.length) socket.end();
    });
    socket.write(payload);
    await once(socket, "close");
    return received === payload.length;
  } catch {
    return false;
  }
}

async function client(attempt: () => Promise<boolean>): Promise<void> {
  let answered = 0;
  for (let i = 0; i < count; i++) if (await attempt()) answered++;
  console.log(JSON.stringify({ answered, failed: count - answered }));
}

async function udpClient(): Promise<void> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.connect(port, host);
  await once(socket, "connect");
  await client(async () => {
    const answer = once(socket, "message", { signal: AbortSignal.timeout(3000) });
    socket.send(payload);
    return answer.then(
      ([message]) => (message as Buffer).length === payload.length,
      () => false,
    );
  });
  socket.close();
}

/** An answer that takes longer than this is a connection that has stopped. */
const exchangeTimeoutMs = 2000;

async function holdOpen(): Promise<void> {
  const socket = connect({ host, port, noDelay: true });
  await once(socket, "connect");
  console.log("holding");
  const outcome = { exchanges: 0, failed: 0 };
  const stop = once(process, "SIGTERM").then(() => true);
  for (let ended = false; !ended && outcome.failed === 0;) {
    const answer = once(socket, "data", { signal: AbortSignal.timeout(exchangeTimeoutMs) });
    socket.write("w");
    await answer.then(
      () => outcome.exchanges++,
      () => outcome.failed++,
    );
    ended = await Promise.race([stop, new Promise<false>((done) => setTimeout(done, 20, false))]);
  }
  console.log(JSON.stringify(outcome));
  socket.destroy();
  process.exit(0);
}

if (mode === "serve") await serve();
else if (mode === "tcp") await client(tcpOnce);
else if (mode === "udp") await udpClient();
else if (mode === "hold") await holdOpen();
else throw new Error(`unknown mode ${mode}: serve, tcp, udp or hold`);
