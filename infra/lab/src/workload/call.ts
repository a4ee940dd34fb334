import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { get } from "node:http";
import { isIPv6 } from "node:net";
import type { Upstream } from "./spec.ts";

/** Longest a whole call may take, and the one behind it: a server gives up before its client does. */
export const CALL_TIMEOUT_MS = 5000;
export const INNER_CALL_TIMEOUT_MS = 2000;

/** Calls an upstream once over a connection of its own; rejects unless it answers well and in time. */
export async function call(upstream: Upstream, timeoutMs: number): Promise<void> {
  const started = performance.now();
  const address = await resolve(upstream.host, timeoutMs);
  const left = Math.max(1, Math.ceil(timeoutMs - (performance.now() - started)));
  if (upstream.protocol === "UDP") await exchange(address, upstream.port, left);
  else await request(address, upstream, left);
}

/** One of a name's addresses, whichever family: both are used, as clients of a dual-stack name do. */
async function resolve(host: string, timeoutMs: number): Promise<string> {
  const late = Promise.withResolvers<never>();
  // The system's resolver cannot be stopped; what it finds after the time is up is not used.
  const timer = setTimeout(
    () => late.reject(new Error(`${host}: no name server answers`)),
    timeoutMs,
  );
  try {
    const found = await Promise.race([lookup(host, { all: true }), late.promise]);
    const one = found[Math.floor(Math.random() * found.length)];
    if (one === undefined) throw new Error(`${host} has no address`);
    return one.address;
  } finally {
    clearTimeout(timer);
  }
}

function request(address: string, upstream: Upstream, timeoutMs: number): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>();
  const outgoing = get(
    {
      host: address,
      port: upstream.port,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { host: upstream.host, connection: "close" },
    },
    (response) => {
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) done();
        else reject(new Error(`${upstream.host} answered ${response.statusCode}`));
      });
      response.resume();
    },
  );
  outgoing.on("error", (error) =>
    reject(new Error(`${upstream.host} (${address}): ${error.message}`)),
  );
  return promise;
}

/**
 * Sends a datagram, again at even distances if it is to be several, and waits for the answer to any
 * of them. Rejects with the system's error, or when late.
 */
export async function exchange(
  address: string,
  port: number,
  timeoutMs: number,
  datagrams = 1,
): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>();
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  const send = () => socket.send("weir\n");
  const cancel = whenLate(timeoutMs, () => reject(new Error(`${address}: no reply`)));
  let again: NodeJS.Timeout | undefined;
  socket.on("error", reject);
  socket.on("message", () => done());
  socket.connect(port, address, () => {
    send();
    if (datagrams > 1) again = setInterval(send, timeoutMs / datagrams);
  });
  try {
    await promise;
  } finally {
    cancel();
    clearInterval(again);
    socket.close();
  }
}

/**
 * Calls back when the time is up and what had arrived by then has been dealt with: a process that
 * was not scheduled for a while finds its timers run out before it looks at its sockets. Returns
 * what cancels it.
 */
export function whenLate(timeoutMs: number, late: () => void): () => void {
  let isOff = false;
  const last = () => void (isOff || late());
  const timer = setTimeout(() => setImmediate(() => setImmediate(last)), timeoutMs);
  return () => {
    isOff = true;
    clearTimeout(timer);
  };
}
