import { Readable } from "node:stream";
import {
  type FlowRow,
  type LedgerRow,
  type TotalsRow,
  flowLine,
  cursorAfter,
  cursorText,
  flowsQuery,
  ledgerAnswer,
  ledgerQuery,
  maxFilterLength,
  maxFlowRows,
  maxTotalsRows,
  measures,
  parseCursor,
  parseFilter,
  parseTime,
  totalsQuery,
} from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { LedgerAnswer } from "../answers.ts";
import { questionOf } from "../question.ts";
import type { Context } from "./context.ts";
import { flowFilter } from "./flow-filter.ts";
import { parse } from "./parse.ts";

const time = z.string().max(64);
const flowsQuestion = flowFilter.extend({
  since: time.default("5m"),
  until: time.optional(),
  limit: z.coerce.number().int().min(1).max(maxFlowRows).default(10_000),
  cursor: z.string().max(64).optional(),
});
const edgesQuestion = z.object({
  since: time.default("1h"),
  until: time.optional(),
  filter: z.string().max(maxFilterLength).optional(),
  by: z
    .string()
    .max(1024)
    .default("src.namespace,src.workload,src.name,dst.namespace,dst.workload,dst.name,dst.port"),
  order: z.enum(measures).optional(),
  limit: z.coerce.number().int().min(1).max(maxTotalsRows).default(1000),
  view: z.enum(["once", "each"]).default("once"),
});
const ledgerQuestion = z.object({ since: time.default("1h"), until: time.optional() });

/** Questions with an answer of their own form: stored flows, the ledger. */
export function addQuestions(server: FastifyInstance, context: Context): void {
  const { store } = context;
  server.get("/v1/flows", async (request, reply) => {
    const { since, until, limit, cursor, ...filter } = parse(flowsQuestion, request.query);
    const nowMs = Date.now();
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const { sql, parameters } = flowsQuery({
      ...questionOf(filter),
      since: parseTime(since, nowMs),
      ...(until === undefined ? {} : { until: parseTime(until, nowMs) }),
      // One more than asked for tells whether there is more.
      limit: Math.min(limit + 1, maxFlowRows),
      after,
      order: "newest-first",
    });
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const rows = await store.query<FlowRow>(sql, { parameters, signal: gone.signal });
    if (rows.length > limit) {
      rows.length = limit;
      void reply.header("weir-truncated", String(limit));
      const next = cursorAfter(rows, after);
      if (next !== undefined) void reply.header("weir-next", cursorText(next));
    }
    rows.reverse();
    return reply
      .header("content-type", "application/x-ndjson")
      .send(Readable.from(ndjson(rows.map((row) => flowLine(row))), { objectMode: false }));
  });
  server.get("/v1/edges", async (request, reply) => {
    const { since, until, filter, by, ...rest } = parse(edgesQuestion, request.query);
    const nowMs = Date.now();
    const { sql, parameters, tables } = totalsQuery({
      ...rest,
      now: nowMs * 1000,
      by: by.split(",").filter((name) => name !== ""),
      since: parseTime(since, nowMs),
      ...(until === undefined ? {} : { until: parseTime(until, nowMs) }),
      ...(filter === undefined ? {} : { filter: parseFilter(filter, nowMs) }),
    });
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const rows = await store.query<TotalsRow>(sql, { parameters, signal: gone.signal });
    if (rows.length === rest.limit) void reply.header("weir-truncated", String(rest.limit));
    return reply
      .header("content-type", "application/x-ndjson")
      .header("weir-tables", tables.join(", "))
      .send(Readable.from(ndjson(rows), { objectMode: false }));
  });
  server.get("/v1/ledger", async (request): Promise<LedgerAnswer> => {
    const { since, until } = parse(ledgerQuestion, request.query);
    const nowMs = Date.now();
    const range = {
      since: parseTime(since, nowMs),
      until: until === undefined ? nowMs * 1000 : parseTime(until, nowMs),
    };
    const { sql, parameters } = ledgerQuery(range);
    return ledgerAnswer(range, await store.query<LedgerRow>(sql, { parameters }));
  });
}

/** Rows per chunk: a large answer is not put together as one text. */
const chunkRows = 500;

function* ndjson(rows: readonly object[]): Generator<string> {
  for (let from = 0; from < rows.length; from += chunkRows) {
    const lines = rows.slice(from, from + chunkRows).map((row) => `${JSON.stringify(row)}\n`);
    yield lines.join("");
  }
}
