import { type FlowRow, flowLine, flowsQuery, maxFlowRows } from "@weir/query";
import type { FastifyInstance } from "fastify";
import type { FlowLine } from "../answers.ts";
import { type FlowFilter, matcher, questionOf } from "../question.ts";
import type { Context } from "./context.ts";
import { flowFilter } from "./flow-filter.ts";
import { parse } from "./parse.ts";
import { type Earlier, sendTail } from "./tail.ts";

/** Flows as they happen. */
export function addFollow(server: FastifyInstance, context: Context): void {
  server.get("/v1/flows/follow", async (request, reply) => {
    const filter = parse(flowFilter, request.query);
    return sendTail<FlowLine>(request, reply, {
      live: context.live,
      matches: matcher(filter),
      settleMs: context.config.follow.settleMs,
      stored: (since, signal) => storedSince(context, filter, since, signal),
    });
  });
}

async function storedSince(
  { config, store }: Context,
  filter: FlowFilter,
  since: number,
  signal: AbortSignal,
): Promise<Earlier<FlowLine>> {
  const question = { ...questionOf(filter), since };
  const all = flowsQuery({ ...question, limit: maxFlowRows });
  const [found] = await store.query<{ n: number }>(`SELECT count() AS n FROM (${all.sql})`, {
    parameters: all.parameters,
    signal,
  });
  const { sql, parameters } = flowsQuery({ ...question, limit: config.follow.maxResumedFlows });
  const rows = await store.query<FlowRow>(sql, { parameters, signal });
  return { items: rows.map((row) => flowLine(row)), missed: (found?.n ?? 0) - rows.length };
}
