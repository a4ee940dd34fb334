import { metricsText } from "@weir/runtime";
import type { FastifyInstance } from "fastify";
import { status } from "../status.ts";
import type { Context } from "./context.ts";

/** Probes, metrics, and the status in one object. */
export function addHealth(server: FastifyInstance, context: Context): void {
  server.get("/healthz", async (_request, reply) => {
    const report = await context.health.report();
    return reply.code(report.live ? 200 : 503).send(report);
  });
  server.get("/readyz", async (_request, reply) => {
    const report = await context.health.report();
    return reply.code(report.ready ? 200 : 503).send(report);
  });
  server.get("/metrics", async (_request, reply) =>
    reply
      .type("text/plain; version=0.0.4; charset=utf-8")
      .send(await metricsText(context.metrics())),
  );
  server.get("/v1/status", () => status(context));
}
