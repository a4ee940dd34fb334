import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { LiveItem } from "../live.ts";
import { Problem } from "../problem.ts";
import { matcher } from "../question.ts";
import type { Context } from "./context.ts";
import { flowFilter } from "./flow-filter.ts";
import { parse } from "./parse.ts";

/** A comment this often keeps proxies from closing a quiet tail. */
const keepAliveMs = 15_000;

/** The live tail as server-sent events: `message` with a flow, `missed` with a count, `end`. */
export function addFollow(server: FastifyInstance, context: Context): void {
  server.get("/v1/flows/follow", async (request, reply) => {
    const matches = matcher(parse(flowFilter, request.query));
    const subscription = await context.live.subscribe(matches).catch((error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
      throw new Problem(
        503,
        "too many live tails",
        `${error.message}; close one, or raise follow.maxClients`,
      );
    });
    const body = Readable.from(events(subscription), {
      objectMode: false,
      highWaterMark: 64 << 10,
    });
    const beat = setInterval(() => {
      if (!reply.raw.writableNeedDrain) reply.raw.write(": alive\n\n");
    }, keepAliveMs);
    reply.raw.on("close", () => {
      clearInterval(beat);
      subscription[Symbol.dispose]();
    });
    return reply
      .header("content-type", "text/event-stream")
      .header("cache-control", "no-store")
      .header("x-accel-buffering", "no")
      .send(body);
  });
}

async function* events(items: AsyncIterable<LiveItem>): AsyncGenerator<string> {
  // Sends the headers at once: the client knows that it is listening.
  yield ": listening\n\n";
  for await (const item of items) {
    if ("missed" in item) yield `event: missed\ndata: ${item.missed}\n\n`;
    else yield `data: ${JSON.stringify(item.flow)}\n\n`;
  }
  yield "event: end\ndata: weir stops\n\n";
}
