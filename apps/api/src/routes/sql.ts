import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type ColumnRow, type TableRow, describeQuery, tablesQuery } from "@weir/query";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { RunningLine, TableLine } from "../answers.ts";
import { Problem, refused } from "../problem.ts";
import { sqlErrorText } from "../sql-error.ts";
import { sqlRange } from "../sql-range.ts";
import { completenessHeader } from "./completeness.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";
import { sendSeldom } from "./seldom.ts";

/** Output formats of ClickHouse that may be asked for, and what they are on the wire. */
const contentTypes = {
  JSONEachRow: "application/x-ndjson",
  JSONCompactEachRowWithNamesAndTypes: "application/x-ndjson",
  CSVWithNames: "text/csv; charset=utf-8",
  TabSeparatedWithNames: "text/tab-separated-values; charset=utf-8",
} as const;

const formats = Object.keys(contentTypes) as (keyof typeof contentTypes)[];
const sqlBody = z.object({
  query: z
    .string()
    .min(1)
    .max(1 << 20),
  format: z.enum(formats).default("JSONEachRow"),
});

interface Running {
  id: string;
  /** Who the client says it is, and from where. */
  askedBy: string;
  address: string;
  query: string;
}

/** Whoever reads flows, or what is made of them, has to name one of these. */
const asksFlows = /\b(flows|edges_1[mhd]|flow_policies|connections)\b/i;

/** Characters of a statement in the log and in the list of what runs. */
const maxShownLength = 4000;

/** SQL, read-only; the rows go out as the engine makes them. */
export function addSql(server: FastifyInstance, context: Context): void {
  const running = new Map<string, Running>();
  const { maxConcurrent, ...limits } = context.config.query;
  server.post("/v1/sql", async (request, reply) => {
    const asked = typeof request.body === "string" ? { query: request.body } : request.body;
    const { query, format } = parse(sqlBody, asked);
    if (running.size >= maxConcurrent) {
      void reply.header("retry-after", "1");
      throw new Problem(
        503,
        "busy",
        `${maxConcurrent} queries are running, which is all there may be; try again in a moment`,
      );
    }
    const one = whoAsks(request, query);
    if (running.has(one.id)) throw new Problem(409, "the id is taken", "give another weir-query");
    running.set(one.id, one);
    void reply.header("weir-query", one.id);
    const end = logged(context, one, () => running.delete(one.id));
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const options = { limits, signal: gone.signal, marker: one.id };
    try {
      // Before the statement: both need a place among the readers, of which there may be one.
      const range = asksFlows.test(query)
        ? await sqlRange(context.store, query, Date.now(), gone.signal)
        : undefined;
      const verdict = range === undefined ? undefined : context.completeness.of(range);
      const rows = context.store.queryReadOnly(query, format, options)[Symbol.asyncIterator]();
      // What the engine refuses, it refuses before the first rows: then it is a proper answer.
      const first = await rows.next();
      if (verdict !== undefined)
        completenessHeader(reply, {
          ...(await verdict),
          ...(range?.since === undefined ? { sinceAlways: true as const } : {}),
        });
      return stream(reply, contentTypes[format], first, rows, end);
    } catch (error) {
      end(messageOf(error));
      throw explained(error, query);
    }
  });
  server.get("/v1/sql/running", () => Promise.all([...running.values()].map((one) => line(one))));
  const line = async ({ id, askedBy, address, query }: Running): Promise<RunningLine> => {
    const progress = await context.store.progressOf(id);
    const unknown = { seconds: 0, readRows: 0, totalRows: 0, memoryBytes: 0 };
    return { id, askedBy, address, query, ...(progress ?? unknown) };
  };
  server.get("/v1/tables", async (request, reply) =>
    sendSeldom(request, reply, await tables(context)),
  );
}

/** What the engine cannot read or does not know, in words; anything else as it is. */
function explained(error: unknown, query: string): unknown {
  const { kind, message } = error as { kind?: string; message: string };
  return kind === "sql" ? refused(sqlErrorText(message, query)) : error;
}

function whoAsks({ headers, ip }: FastifyRequest, query: string): Running {
  const given = (name: string): string => {
    const value = headers[name];
    return typeof value === "string" ? value : "";
  };
  const id = given("weir-query");
  if (id !== "" && !/^[A-Za-z0-9-]{8,64}$/.test(id))
    throw new Problem(400, "the request is not right", "weir-query: 8 to 64 letters, digits and -");
  return {
    id: id === "" ? randomUUID() : id,
    askedBy: given("weir-user").slice(0, 200),
    address: ip,
    query: query.slice(0, maxShownLength),
  };
}

/** Writes the statement to the log now, and what came of it when the returned function is called. */
function logged(context: Context, one: Running, onEnd: () => void): (failure: string) => void {
  const began = performance.now();
  context.log.info(one, "sql");
  return (failure) => {
    onEnd();
    const seconds = Math.round(performance.now() - began) / 1000;
    const outcome = failure === "" ? {} : { failure: failure.slice(0, maxShownLength) };
    context.log.info({ id: one.id, seconds, ...outcome }, "sql ended");
  };
}

/** Rows as a body; an error after the first of them goes into the trailer `weir-error`. */
function stream(
  reply: FastifyReply,
  contentType: string,
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
  onEnd: (failure: string) => void,
): FastifyReply {
  let failure = "";
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
    } catch (error) {
      failure = messageOf(error);
    } finally {
      await rest.return?.();
      onEnd(failure);
    }
  };
  reply.trailer("weir-error", async () => encodeURIComponent(failure.slice(0, 2000)));
  void reply.header("content-type", contentType);
  return reply.send(Readable.from(chunks(), { objectMode: false }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Every table with its columns and what they mean: the comments of schemas/tables. */
async function tables({ store }: Context): Promise<TableLine[]> {
  const all = tablesQuery();
  const found = await store.query<TableRow>(all.sql, all);
  return Promise.all(
    found.map(async ({ name, comment }) => {
      const { sql, parameters } = describeQuery(name);
      const columns = await store.query<ColumnRow>(sql, { parameters });
      return {
        name,
        doc: comment,
        columns: columns.map((one) => ({ name: one.name, type: one.type, doc: one.comment })),
      };
    }),
  );
}
