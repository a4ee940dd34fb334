import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type FlowRow, flowLine, flowsQuery, maxFlowRows, parseTime } from "@weir/query";
import type { FastifyInstance } from "fastify";
import type { FlowLine } from "../answers.ts";
import type { LiveItem } from "../live.ts";
import { Problem, badRequest } from "../problem.ts";
import { type FlowFilter, matcher, questionOf } from "../question.ts";
import type { Context } from "./context.ts";
import { flowFilter } from "./flow-filter.ts";
import { parse } from "./parse.ts";

/** A comment this often keeps proxies from closing a quiet tail. */
const keepAliveMs = 15_000;

/** The live tail as server-sent events: `message` with a flow, `missed` with a count, `end`. */
export function addFollow(server: FastifyInstance, context: Context): void {
  server.get("/v1/flows/follow", async (request, reply) => {
    const filter = parse(flowFilter, request.query);
    const matches = matcher(filter);
    const last = lastEventId(request.headers["last-event-id"]);
    const subscription = await context.live.subscribe(matches).catch((error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
      throw new Problem(
        503,
        "too many live tails",
        `${error.message}; close one, or raise follow.maxClients`,
      );
    });
    const gone = new AbortController();
    const earlier =
      last === undefined ? undefined : () => since(context, filter, last, gone.signal);
    const body = Readable.from(events(subscription, earlier), {
      objectMode: false,
      highWaterMark: 64 << 10,
    });
    const beat = setInterval(() => {
      if (!reply.raw.writableNeedDrain) reply.raw.write(": alive\n\n");
    }, keepAliveMs);
    reply.raw.on("close", () => {
      clearInterval(beat);
      gone.abort();
      subscription[Symbol.dispose]();
    });
    return reply
      .header("content-type", "text/event-stream")
      .header("cache-control", "no-store")
      .header("x-accel-buffering", "no")
      .send(body);
  });
}

/** Microseconds since 1970: the time of the last flow that the client got. */
function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header === "string" && /^\d{1,16}$/.test(header)) return Number(header);
  throw badRequest("Last-Event-ID: send the id of an event as it was");
}

interface Earlier {
  flows: FlowLine[];
  /** Older ones that are left out. */
  missed: number;
}

/** What was stored while the client was away; the live tail is open by then. */
async function since(
  { config, store }: Context,
  filter: FlowFilter,
  last: number,
  signal: AbortSignal,
): Promise<Earlier> {
  await sleep(config.follow.settleMs, undefined, { signal });
  const question = { ...questionOf(filter), since: last };
  const all = flowsQuery({ ...question, limit: maxFlowRows });
  const [found] = await store.query<{ n: number }>(`SELECT count() AS n FROM (${all.sql})`, {
    parameters: all.parameters,
    signal,
  });
  const { sql, parameters } = flowsQuery({ ...question, limit: config.follow.maxResumedFlows });
  const rows = await store.query<FlowRow>(sql, { parameters, signal });
  return { flows: rows.map((row) => flowLine(row)), missed: (found?.n ?? 0) - rows.length };
}

async function* events(
  items: AsyncIterable<LiveItem>,
  earlier: (() => Promise<Earlier>) | undefined,
): AsyncGenerator<string> {
  // Sends the headers at once: the client knows that it is listening.
  yield ": listening\n\n";
  /** Lines from the store, which the tail may have as well. */
  const sent = new Set<string>();
  if (earlier !== undefined) {
    const { flows, missed } = await earlier();
    if (missed > 0) yield `event: missed\ndata: ${missed}\n\n`;
    for (const flow of flows) {
      const data = JSON.stringify(flow);
      sent.add(data);
      yield eventOf(flow, data);
    }
  }
  for await (const item of items) {
    if ("missed" in item) {
      yield `event: missed\ndata: ${item.missed}\n\n`;
      continue;
    }
    const data = JSON.stringify(item.flow);
    if (!sent.delete(data)) yield eventOf(item.flow, data);
  }
  yield "event: end\ndata: weir stops\n\n";
}

function eventOf({ time }: FlowLine, data: string): string {
  return `id: ${parseTime(time, 0)}\ndata: ${data}\n\n`;
}
