import {
  type EventRow,
  countEventsQuery,
  eventLine,
  eventsQuery,
  isEventOf,
  maxEventRows,
  parseCursor,
  parseTime,
} from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { EventLine } from "../answers.ts";
import { eventsCompleteness } from "../events-completeness.ts";
import { completenessHeader } from "./completeness.ts";
import type { Context } from "./context.ts";
import { sendNdjson } from "./ndjson.ts";
import { cutPage, nextInTime } from "./page.ts";
import { parse } from "./parse.ts";
import { sendTail } from "./tail.ts";

const name = z.string().max(256).optional();
const eventFilter = z.object({ kind: name, namespace: name, workload: name, node: name });
const time = z.string().max(64);
const eventsQuestion = eventFilter.extend({
  since: time.default("24h"),
  until: time.optional(),
  limit: z.coerce.number().int().min(1).max(maxEventRows).default(10_000),
  cursor: z.string().max(64).optional(),
});

/** What happened and is no flow: stored, and as it happens. */
export function addEvents(server: FastifyInstance, context: Context): void {
  addStored(server, context);
  server.get("/v1/events/follow", async (request, reply) => {
    const filter = parse(eventFilter, request.query);
    const limit = context.config.follow.maxResumedFlows;
    const { store } = context;
    return sendTail<EventLine>(request, reply, {
      live: context.liveEvents,
      matches: (event) => isEventOf(filter, event),
      settleMs: context.config.follow.settleMs,
      async stored(since, signal) {
        const all = countEventsQuery({ ...filter, since });
        const [found] = await store.query<{ n: number }>(all.sql, {
          parameters: all.parameters,
          signal,
        });
        const { sql, parameters } = eventsQuery({ ...filter, since, limit });
        const rows = await store.query<EventRow>(sql, { parameters, signal });
        const items = rows.map((row) => eventLine(row)).reverse();
        return { items, missed: (found?.n ?? 0) - rows.length };
      },
    });
  });
}

function addStored(server: FastifyInstance, context: Context): void {
  server.get("/v1/events", async (request, reply) => {
    const { since, until, limit, cursor, ...filter } = parse(eventsQuestion, request.query);
    const nowMs = Date.now();
    const range = {
      since: parseTime(since, nowMs),
      until: until === undefined ? undefined : parseTime(until, nowMs),
    };
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const { sql, parameters } = eventsQuery({
      ...filter,
      ...range,
      after,
      limit,
      andOneMore: true,
    });
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const verdict = eventsCompleteness(context.store, range, nowMs);
    const rows = await context.store.query<EventRow>(sql, { parameters, signal: gone.signal });
    cutPage(reply, rows, limit, nextInTime(after));
    completenessHeader(reply, await verdict);
    return sendNdjson(
      reply,
      rows.reverse().map((row) => eventLine(row)),
    );
  });
}
