import type { FlowCursor } from "./flows.ts";
import { type Page, rowsOfPage } from "./page.ts";
import { QuestionError } from "./question-error.ts";
import { addRange, type TimeRange } from "./range.ts";
import { Conditions, type Statement } from "./statement.ts";

/** Where a message was: what names its letter. */
export interface LetterPlace {
  topic: string;
  partition: number;
  offset: number;
}

export interface DeadLettersQuestion extends TimeRange, Page {
  topic?: string | undefined;
  after?: FlowCursor | undefined;
}

/** A row of `deadLettersQuery`. */
export interface DeadLetterRow extends LetterPlace {
  /** RFC 3339: when the function gave it up. */
  time: string;
  function: string;
  reason: string;
  /** Of the message; 0: it was too large to be kept. */
  bytes: number;
}

/** A row of `deadLetterQuery`: the message as it was, in base64. */
export interface LetterBytesRow {
  key: string;
  value: string;
  /** Why it was given up. */
  reason: string;
}

/** Letters of one answer at most. */
export const maxLetterRows = 10_000;

/** Messages that a function could not take, the newest first (`DeadLetterRow`); each once, though a crash may write it twice. */
export function deadLettersQuery(question: DeadLettersQuestion): Statement {
  const { topic, after } = question;
  const limit = rowsOfPage(question, maxLetterRows);
  const conditions = new Conditions();
  addRange(conditions, "time", question);
  if (topic !== undefined) conditions.add("topic = {topic:String}", { topic });
  if (after !== undefined)
    conditions.add("time <= fromUnixTimestamp64Micro({after:Int64}, 'UTC')", { after: after.time });
  return {
    sql: `SELECT topic, partition, offset, function, min(given_up) AS time, any(why) AS reason, max(size) AS bytes
FROM
(
    SELECT topic, partition, offset, function, time AS given_up, reason AS why, length(value) AS size
    FROM dead_letters
    WHERE ${conditions.toString()}
)
GROUP BY topic, partition, offset, function
ORDER BY time DESC, topic, partition, offset, function
LIMIT {limit:UInt32}${after === undefined ? "" : " OFFSET {offset:UInt32}"}`,
    parameters: {
      ...conditions.parameters,
      ...(after === undefined ? { limit } : { limit, offset: after.rows }),
    },
  };
}

/** The bytes of one message, in base64 (`LetterBytesRow`); no row where there is no such letter. */
export function deadLetterQuery({ topic, partition, offset }: LetterPlace): Statement {
  return {
    sql: `SELECT base64Encode(any(key)) AS key, base64Encode(argMax(value, length(value))) AS value, argMax(reason, time) AS reason
FROM dead_letters
WHERE topic = {topic:String} AND partition = {partition:UInt32} AND offset = {offset:UInt64}
HAVING count() > 0`,
    parameters: { topic, partition, offset },
  };
}

/** Letters of messages with the same bytes (`SameLettersRow`). */
export function sameLettersQuery(question: {
  topic: string;
  bytes: number;
  /** SHA-256 of the bytes, in capital hex. */
  digest: string;
}): Statement {
  return {
    sql: `SELECT uniqExact(partition, offset, function) AS n, argMax(reason, (time, offset)) AS latest
FROM dead_letters
WHERE topic = {topic:String} AND length(value) = {bytes:UInt64} AND hex(SHA256(value)) = {digest:String}`,
    parameters: question,
  };
}

/** A row of `sameLettersQuery`. */
export interface SameLettersRow {
  n: number;
  /** Why, of the latest of them. */
  latest: string;
}

/** Rows of one block of flows that are in the store (`{ n }`). */
export function storedBlockQuery(question: {
  node: string;
  bootId: string;
  block: number;
  /** Of its flows, microseconds since 1970. */
  since: number;
  until: number;
}): Statement {
  const { node, bootId, block, since, until } = question;
  return {
    sql: `SELECT count() AS n
FROM flows
WHERE node = {node:String} AND boot_id = {boot:String} AND block = {block:UInt64}
  AND time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
  AND time <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')`,
    parameters: { node, boot: bootId, block, since: Math.round(since), until: Math.round(until) },
  };
}

/** `weir.flows.v1:0:17`. */
export function placeText({ topic, partition, offset }: LetterPlace): string {
  return `${topic}:${partition}:${offset}`;
}

/** Throws QuestionError for what names no letter. */
export function parsePlace(text: string): LetterPlace {
  const [, topic, partition, offset] = /^([\w.-]{1,249}):(\d{1,9}):(\d{1,15})$/.exec(text) ?? [];
  if (topic === undefined)
    throw new QuestionError(
      `${JSON.stringify(text)} names no letter: write TOPIC:PARTITION:OFFSET as weir dead-letters list shows it`,
    );
  return { topic, partition: Number(partition), offset: Number(offset) };
}
