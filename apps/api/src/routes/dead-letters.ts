import {
  type DeadLetterRow,
  deadLettersQuery,
  maxLetterRows,
  parseCursor,
  parsePlace,
  parseTime,
  placeText,
} from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { DeadLetterLine, ReplayedLetter } from "../answers.ts";
import { badRequest } from "../problem.ts";
import { replayLetters, whyNot } from "../replay-letters.ts";
import type { Context } from "./context.ts";
import { sendNdjson } from "./ndjson.ts";
import { cutPage, nextInTime } from "./page.ts";
import { parse } from "./parse.ts";

const time = z.string().max(64);
const lettersQuestion = z.object({
  since: time.default("7d"),
  until: time.optional(),
  topic: z.string().max(249).optional(),
  limit: z.coerce.number().int().min(1).max(maxLetterRows).default(1000),
  cursor: z.string().max(64).optional(),
});
const replayBody = z.object({ letters: z.array(z.string().max(300)).min(1).max(1000) });

/** Messages that a function could not take: which, and again. */
export function addDeadLetters(server: FastifyInstance, context: Context): void {
  server.get("/v1/dead-letters", async (request, reply) => {
    const { since, until, topic, limit, cursor } = parse(lettersQuestion, request.query);
    const nowMs = Date.now();
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const { sql, parameters } = deadLettersQuery({
      since: parseTime(since, nowMs),
      until: until === undefined ? undefined : parseTime(until, nowMs),
      ...{ topic, after },
      limit,
      andOneMore: true,
    });
    const rows = await context.store.query<DeadLetterRow>(sql, { parameters });
    cutPage(reply, rows, limit, nextInTime(after));
    return sendNdjson(reply, rows.toReversed().map(lineOf));
  });
  server.post("/v1/dead-letters/replay", async (request, reply): Promise<ReplayedLetter[]> => {
    const { letters } = parse(replayBody, request.body);
    const { maxReplayed, confirmTimeoutMs } = context.config.deadLetters;
    if (letters.length > maxReplayed)
      throw badRequest(`${letters.length} letters; give ${maxReplayed} at most at once`);
    const places = [...new Set(letters)].map((one) => parsePlace(one));
    const askedBy = String(request.headers["weir-user"] ?? "").slice(0, 200);
    context.log.info({ askedBy, address: request.ip, letters }, "dead letters are replayed");
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const replayed = await replayLetters(context, places, confirmTimeoutMs, gone.signal);
    context.log.info({ askedBy, replayed }, "dead letters were replayed");
    return replayed;
  });
}

function lineOf({
  topic,
  partition,
  offset,
  time: at,
  bytes,
  ...row
}: DeadLetterRow): DeadLetterLine {
  const cannot = whyNot(topic) ?? (bytes === 0 ? "its bytes were not kept" : undefined);
  return {
    letter: placeText({ topic, partition, offset }),
    ...{ time: at, function: row.function, reason: row.reason, bytes },
    ...(cannot === undefined ? {} : { cannot }),
  };
}
