import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { call, INNER_CALL_TIMEOUT_MS } from "./call.ts";
import { counted, newCount } from "./counts.ts";
import type { WorkloadCounts } from "./counts.ts";
import type { WorkloadSpec } from "./spec.ts";

/** Connections one port holds at a time; further ones are closed. */
const CONNECTIONS_MAX = 256;

/** Listens on every declared port, IPv4 and IPv6. Rejects if one of them cannot be had. */
export async function listenAll(spec: WorkloadSpec, counts: WorkloadCounts): Promise<void> {
  await Promise.all(
    spec.listen.map(async ({ port, protocol }) => {
      if (protocol === "TCP") await listenTcp(port, spec, counts);
      if (protocol === "UDP") await listenUdp(port, spec, counts);
    }),
  );
}

async function listenTcp(port: number, spec: WorkloadSpec, counts: WorkloadCounts): Promise<void> {
  const server = createServer((request, response) => {
    request.resume();
    void answer(response, spec, counts);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(port, "::");
  await once(server, "listening");
}

async function answer(
  response: ServerResponse,
  spec: WorkloadSpec,
  counts: WorkloadCounts,
): Promise<void> {
  const failed = spec.calls === "on-request" ? await callAll(spec, counts) : [];
  counts.served[failed.length === 0 ? "ok" : "failed"] += 1;
  response.writeHead(failed.length === 0 ? 200 : 502, { "content-type": "application/json" });
  response.end(`${JSON.stringify({ pod: `${spec.namespace}/${spec.pod}`, failed })}\n`);
}

/** Calls every upstream at once; the names of those that failed. */
async function callAll(spec: WorkloadSpec, counts: WorkloadCounts): Promise<string[]> {
  const results = await Promise.all(
    spec.upstreams.map(async (upstream) => {
      const count = (counts.calls[upstream.name] ??= newCount());
      const ok = await counted(count, () => call(upstream, INNER_CALL_TIMEOUT_MS));
      return ok ? [] : [upstream.name];
    }),
  );
  return results.flat();
}

async function listenUdp(port: number, spec: WorkloadSpec, counts: WorkloadCounts): Promise<void> {
  const socket = createSocket("udp6");
  const name = Buffer.from(`${spec.namespace}/${spec.pod} `);
  socket.on("message", (message, from) => {
    counts.replies += 1;
    // A reply that cannot be sent is as good as lost: whoever asked will notice.
    socket.send(Buffer.concat([name, message]), from.port, from.address, () => {});
  });
  socket.bind(port, "::");
  await once(socket, "listening");
}
