/**
 * Run inside a pod's namespace: `talk.ts serve PORT`, or `talk.ts tcp|udp ADDRESS PORT COUNT BYTES`.
 * Each exchange sends BYTES and waits for as many back. Says what came of it as JSON. `burst` is udp
 * that waits for no answer, each from a port of its own.
 */
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

const [mode = "", first = "", second = "", third = "", fourth = ""] = process.argv.slice(2);
const timeoutMs = 500;

function serve(port: number): void {
  const tcp = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  tcp.listen(port, "::");
  const udp = createSocket({ type: "udp6" });
  udp.on("message", (bytes, from) => udp.send(bytes, from.port, from.address));
  udp.bind(port, "::", () => process.stdout.write("listening\n"));
}

function tcpOnce(address: string, port: number, bytes: number): Promise<boolean> {
  return new Promise((resolve) => {
    let received = 0;
    const socket = connect({ host: address, port });
    const end = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.on("error", () => end(false));
    socket.on("connect", () => socket.end(new Uint8Array(bytes)));
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
    socket.on("end", () => resolve(received === bytes));
  });
}

function udpOnce(address: string, port: number, bytes: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const end = (ok: boolean): void => {
      clearTimeout(timer);
      socket.close();
      resolve(ok);
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.on("error", () => end(false));
    socket.on("message", (reply) => end(reply.length === bytes));
    socket.send(new Uint8Array(bytes), port, address);
  });
}

let nextPort = 20_000;

function sendOnly(address: string, port: number, bytes: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("error", () => {});
    socket.bind(nextPort++, () => {
      socket.send(new Uint8Array(bytes), port, address, () => socket.close(() => resolve(true)));
    });
  });
}

async function talk(once: typeof tcpOnce): Promise<void> {
  let answered = 0;
  for (let index = 0; index < Number(third); index++) {
    if (await once(first, Number(second), Number(fourth))) answered++;
  }
  process.stdout.write(`${JSON.stringify({ answered, asked: Number(third) })}\n`);
}

/** One connection that stays open: a line in on stdin is an exchange, "yes" or "no" comes out. */
function keep(address: string, port: number): void {
  const socket = connect({ host: address, port }, () => process.stdout.write("connected\n"));
  let answer: ((text: string) => void) | undefined;
  socket.on("error", () => process.stdout.write("broken\n"));
  socket.on("data", () => answer?.("yes"));
  process.stdin.on("data", () => {
    const timer = setTimeout(() => answer?.("no"), timeoutMs);
    answer = (text) => {
      clearTimeout(timer);
      answer = undefined;
      process.stdout.write(`${text}\n`);
    };
    socket.write("x");
  });
  process.stdin.on("end", () => process.exit(0));
}

if (mode === "serve") serve(Number(first));
else if (mode === "keep") keep(first, Number(second));
else if (mode === "burst") await talk(sendOnly);
else await talk(mode === "tcp" ? tcpOnce : udpOnce);
