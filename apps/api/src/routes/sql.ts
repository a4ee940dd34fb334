import { Readable } from "node:stream";
import { type ColumnRow, type TableRow, describeQuery, tablesQuery } from "@weir/query";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { TableLine } from "../answers.ts";
import { Problem } from "../problem.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";

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

/** SQL, read-only; the rows go out as the engine makes them. */
export function addSql(server: FastifyInstance, context: Context): void {
  let running = 0;
  const { maxConcurrent, ...limits } = context.config.query;
  server.post("/v1/sql", async (request, reply) => {
    const asked = typeof request.body === "string" ? { query: request.body } : request.body;
    const { query, format } = parse(sqlBody, asked);
    if (running >= maxConcurrent) {
      void reply.header("retry-after", "1");
      throw new Problem(
        503,
        "busy",
        `${maxConcurrent} queries are running, which is all there may be; try again in a moment`,
      );
    }
    running++;
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const result = context.store.queryReadOnly(query, format, { limits, signal: gone.signal });
    const rows = result[Symbol.asyncIterator]();
    try {
      // What the engine refuses, it refuses before the first rows: then it is a proper answer.
      const first = await rows.next();
      return stream(reply, contentTypes[format], first, rows, () => running--);
    } catch (error) {
      running--;
      throw error;
    }
  });
  server.get("/v1/tables", () => tables(context));
}

/** Rows as a body; an error after the first of them goes into the trailer `weir-error`. */
function stream(
  reply: FastifyReply,
  contentType: string,
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
  onEnd: () => void,
): FastifyReply {
  let failure = "";
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
    } catch (error) {
      failure = messageOf(error);
    } finally {
      onEnd();
      await rest.return?.();
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
