import { type RequestListener, createServer } from "node:http";
import { once } from "node:events";
import { parseListen } from "@weir/api";
import { type Health, type Metrics, metricsText } from "@weir/runtime";

/** `/healthz`, `/readyz` and `/metrics` of a station that runs alone. */
export async function startProbes(
  address: string,
  health: Health,
  metrics: Metrics[],
): Promise<{ url: string; stop(): Promise<void> }> {
  const { host, port } = parseListen(address);
  const server = createServer({ requestTimeout: 5000 }, answer(health, metrics));
  server.maxConnections = 32;
  server.listen(port, host);
  await once(server, "listening");
  const bound = server.address();
  const taken = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function answer(health: Health, metrics: Metrics[]): RequestListener {
  return (request, response) => {
    const send = (code: number, type: string, text: string): void => {
      response.writeHead(code, { "content-type": type }).end(text);
    };
    const work = async (): Promise<void> => {
      if (request.url === "/metrics") {
        send(200, "text/plain; version=0.0.4; charset=utf-8", await metricsText(metrics));
      } else if (request.url === "/healthz" || request.url === "/readyz") {
        const report = await health.report();
        const good = request.url === "/healthz" ? report.live : report.ready;
        send(good ? 200 : 503, "application/json", JSON.stringify(report));
      } else send(404, "text/plain", "there is /healthz, /readyz and /metrics\n");
    };
    work().catch((error: unknown) => send(500, "text/plain", `${String(error)}\n`));
  };
}
