import {
  type Filter,
  type FlowRow,
  type LedgerRow,
  type TimeRange,
  type TotalsRow,
  bucketAt,
  flowLine,
  flowsQuery,
  ledgerAnswer,
  ledgerQuery,
  maxFilterLength,
  maxFlowRows,
  maxTotalsRows,
  measures,
  parseCursor,
  parseFilter,
  parseSumsCursor,
  parseTime,
  sumsCursorText,
  totalsQuery,
} from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { LedgerAnswer } from "../answers.ts";
import { badRequest } from "../problem.ts";
import { questionOf } from "../question.ts";
import { completenessHeader } from "./completeness.ts";
import type { Context } from "./context.ts";
import { flowFilter } from "./flow-filter.ts";
import { sendNdjson } from "./ndjson.ts";
import { cutPage, nextInTime } from "./page.ts";
import { parse } from "./parse.ts";

const time = z.string().max(64);
const flowsQuestion = flowFilter.extend({
  since: time.optional(),
  until: time.optional(),
  at: time.optional(),
  limit: z.coerce.number().int().min(1).max(maxFlowRows).default(10_000),
  cursor: z.string().max(64).optional(),
});
const edgesQuestion = z.object({
  since: time.optional(),
  until: time.optional(),
  at: time.optional(),
  filter: z.string().max(maxFilterLength).optional(),
  by: z
    .string()
    .max(1024)
    .default("src.namespace,src.workload,src.name,dst.namespace,dst.workload,dst.name,dst.port"),
  order: z.enum(measures).optional(),
  limit: z.coerce.number().int().min(1).max(maxTotalsRows).default(1000),
  cursor: z.string().max(64).optional(),
  view: z.enum(["once", "each"]).default("once"),
});
const ledgerQuestion = z.object({ since: time.default("1h"), until: time.optional() });

/** Questions with an answer of their own form: stored flows, sums of them, the ledger. */
export function addQuestions(server: FastifyInstance, context: Context): void {
  addFlows(server, context);
  addEdges(server, context);
  addLedger(server, context);
}

function addFlows(server: FastifyInstance, context: Context): void {
  server.get("/v1/flows", async (request, reply) => {
    const { since, until, at, limit, cursor, ...filter } = parse(flowsQuestion, request.query);
    const nowMs = Date.now();
    const moment = momentOf({ since, until, at }, nowMs);
    const question = {
      ...questionOf(filter),
      since: moment ?? parseTime(since ?? "5m", nowMs),
      ...(until === undefined ? {} : { until: parseTime(until, nowMs) }),
    };
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const { sql, parameters } = flowsQuery({
      ...question,
      at: moment,
      limit,
      andOneMore: true,
      after,
      order: "newest-first",
    });
    const around = moment === undefined ? question : { ...question, until: moment + reportedUs };
    const verdict = context.completeness.of(around);
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const rows = await context.store.query<FlowRow>(sql, { parameters, signal: gone.signal });
    cutPage(reply, rows, limit, nextInTime(after));
    rows.reverse();
    completenessHeader(reply, await verdict);
    return sendNdjson(
      reply,
      rows.map((row) => flowLine(row)),
    );
  });
}

function addEdges(server: FastifyInstance, context: Context): void {
  server.get("/v1/edges", async (request, reply) => {
    const { since, until, at, filter, by, cursor, ...rest } = parse(edgesQuestion, request.query);
    const nowMs = Date.now();
    const moment = momentOf({ since, until, at }, nowMs);
    const bucket =
      moment === undefined
        ? undefined
        : bucketAt(moment, nowMs * 1000, await context.completeness.kept());
    const after = cursor === undefined ? undefined : parseSumsCursor(cursor);
    const offset = after?.rows ?? 0;
    const question: TimeRange & { filter?: Filter } = {
      since: parseTime(since ?? "1h", nowMs),
      ...(until === undefined ? {} : { until: parseTime(until, nowMs) }),
      ...bucket,
      // The pages of an answer are of one range, whenever they are asked for.
      ...(after === undefined ? {} : { since: after.since, until: after.until }),
      ...(filter === undefined ? {} : { filter: parseFilter(filter, nowMs) }),
    };
    const { sql, parameters, tables } = totalsQuery({
      ...rest,
      ...question,
      ...{ offset, andOneMore: true, now: nowMs * 1000 },
      by: by.split(",").filter((name) => name !== ""),
    });
    const verdict = context.completeness.of(question);
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const rows = await context.store.query<TotalsRow>(sql, { parameters, signal: gone.signal });
    if (bucket !== undefined) {
      const times = [bucket.since, bucket.until].map((micros) =>
        new Date(micros / 1000).toISOString(),
      );
      void reply.header("weir-bucket", `${bucket.size} ${times.join("/")}`);
    }
    completenessHeader(reply, await verdict);
    cutPage(reply, rows, rest.limit, (page) =>
      sumsCursorText({ ...question, rows: offset + page.length }),
    );
    void reply.header("weir-tables", tables.join(", "));
    return sendNdjson(reply, rows);
  });
}

function addLedger(server: FastifyInstance, { store }: Context): void {
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

/** Flows that are going on are reported within that time: of it the verdict is. */
const reportedUs = 60_000_000;

/** `at` in microseconds since 1970. Throws a Problem where a range is given too. */
function momentOf(
  { since, until, at }: Record<"since" | "until" | "at", string | undefined>,
  nowMs: number,
): number | undefined {
  if (at === undefined) return undefined;
  if (since !== undefined || until !== undefined)
    throw badRequest("at: is a time of its own; leave since and until out");
  return parseTime(at, nowMs);
}
