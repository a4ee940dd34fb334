import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { parseTime } from "@weir/query";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { LiveTail, TailItem } from "../live-tail.ts";
import { Problem, badRequest } from "../problem.ts";

/** A comment this often keeps proxies from closing a quiet tail. */
const keepAliveMs = 15_000;

/** What was stored while the client was away. */
export interface Earlier<Item> {
  /** The oldest first. */
  items: Item[];
  /** Older ones that are left out. */
  missed: number;
}

export interface Tail<Item extends { time: string }> {
  live: LiveTail<Item>;
  matches: (item: Item) => boolean;
  /** Time that a record needs to the store. */
  settleMs: number;
  /** What is stored since then, in microseconds since 1970. */
  stored: (since: number, signal: AbortSignal) => Promise<Earlier<Item>>;
}

/**
 * A live tail as server-sent events: `message` with an item and its time as the id, `missed` with a
 * count, `end`. A client that comes back with Last-Event-ID is first sent what was stored since.
 */
export async function sendTail<Item extends { time: string }>(
  request: FastifyRequest,
  reply: FastifyReply,
  { live, matches, settleMs, stored }: Tail<Item>,
): Promise<FastifyReply> {
  const last = lastEventId(request.headers["last-event-id"]);
  const subscription = await live.subscribe(matches).catch((error: unknown) => {
    if (!(error instanceof RangeError)) throw error;
    const detail = `${error.message}; close one, or raise follow.maxClients`;
    throw new Problem(503, "too many live tails", detail);
  });
  const gone = new AbortController();
  const earlier = async (since: number): Promise<Earlier<Item>> => {
    await sleep(settleMs, undefined, { signal: gone.signal });
    return stored(since, gone.signal);
  };
  const texts = events(subscription, last === undefined ? undefined : () => earlier(last));
  const body = Readable.from(texts, { objectMode: false, highWaterMark: 64 << 10 });
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
}

/** Microseconds since 1970: the time of the last item that the client got. */
function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header === "string" && /^\d{1,16}$/.test(header)) return Number(header);
  throw badRequest("Last-Event-ID: send the id of an event as it was");
}

async function* events<Item extends { time: string }>(
  tail: AsyncIterable<TailItem<Item>>,
  earlier: (() => Promise<Earlier<Item>>) | undefined,
): AsyncGenerator<string> {
  // Sends the headers at once: the client knows that it is listening.
  yield ": listening\n\n";
  /** Lines from the store, which the tail may have as well. */
  const sent = new Set<string>();
  if (earlier !== undefined) {
    const { items, missed } = await earlier();
    if (missed > 0) yield `event: missed\ndata: ${missed}\n\n`;
    for (const item of items) {
      const data = JSON.stringify(item);
      sent.add(data);
      yield eventOf(item, data);
    }
  }
  for await (const next of tail) {
    if ("missed" in next) {
      yield `event: missed\ndata: ${next.missed}\n\n`;
      continue;
    }
    const data = JSON.stringify(next.item);
    if (!sent.delete(data)) yield eventOf(next.item, data);
  }
  yield "event: end\ndata: weir stops\n\n";
}

function eventOf({ time }: { time: string }, data: string): string {
  return `id: ${parseTime(time, 0)}\ndata: ${data}\n\n`;
}
