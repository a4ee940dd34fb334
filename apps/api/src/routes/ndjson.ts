import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

/** Rows per chunk: a large answer is not put together as one text. */
const chunkRows = 500;

/** One JSON object per line. */
export function sendNdjson(reply: FastifyReply, rows: readonly object[]): FastifyReply {
  return reply
    .header("content-type", "application/x-ndjson")
    .send(Readable.from(ndjson(rows), { objectMode: false }));
}

function* ndjson(rows: readonly object[]): Generator<string> {
  for (let from = 0; from < rows.length; from += chunkRows) {
    const lines = rows.slice(from, from + chunkRows).map((row) => `${JSON.stringify(row)}\n`);
    yield lines.join("");
  }
}
