import type { createRequire } from "node:module";
import { encodeBatch } from "./record-batch.ts";
import type { SentRecord } from "./record-batch.ts";
import { discard } from "./packing.ts";
import type { Packing } from "./packing.ts";

/** What kafkajs asks its encoder of requests for. */
interface ProduceTask {
  acks: number;
  timeout: number;
  producerId?: string | number;
  producerEpoch?: number;
  compression: number;
  topicData: {
    topic: string;
    partitions: { partition: number; firstSequence?: number; messages: SentRecord[] }[];
  }[];
}

interface Request {
  apiKey: number;
  apiVersion: number;
  apiName: string;
  expectResponse?(): boolean;
  encode(): Promise<Encoder>;
}

interface Framing {
  correlationId: number;
  clientId: string;
  request: Request;
}

/** Of encoders kafkajs wants only these when a request is framed. */
interface Encoded {
  buffer: Buffer;
  size(): number;
}

interface Encoder extends Encoded {
  writeBufferInternal(bytes: Buffer): void;
}

type Require = ReturnType<typeof createRequire>;

/** The encoders that are replaced. */
const producing = "kafkajs/src/protocol/requests/produce/v7/request";
const framing = "kafkajs/src/protocol/request";

const produceKey = 0;
const packings: { [type: number]: Packing } = { 0: "none", 1: "gzip", 4: "zstd" };

/** More than this is not kept for the next request. */
const keptBytes = 1 << 20;
let spare: Buffer | undefined;
/** What a request was written from, by its first message. */
const lent = new WeakMap<SentRecord, Buffer>();

/**
 * The request with this first message has been answered, so that all of it had been written: its
 * buffer serves another one.
 */
export function giveBack(first: SentRecord): void {
  const buffer = lent.get(first);
  if (buffer === undefined) return;
  lent.delete(first);
  if (buffer.length > keptBytes) return;
  if (spare === undefined || spare.length < buffer.length) spare = buffer;
}

/** The whole request, from its length on, in one buffer. */
function framed({ correlationId, clientId, request }: Framing, task: ProduceTask): Buffer {
  const { parts: rest, bodies } = payload(task);
  const parts = [requestHead(request.apiVersion, correlationId, clientId), ...rest];
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const buffer = take(4 + bytes);
  const first = task.topicData[0]?.partitions[0]?.messages[0];
  if (first) lent.set(first, buffer);
  let at = buffer.writeInt32BE(bytes);
  for (const part of parts) {
    buffer.set(part, at);
    at += part.length;
  }
  for (const body of bodies) discard(body);
  return buffer.subarray(0, at);
}

function take(bytes: number): Buffer {
  if (spare === undefined || spare.length < bytes) return Buffer.allocUnsafeSlow(bytes);
  const taken = spare;
  spare = undefined;
  return taken;
}

/** The request behind its head; among it the packed records, which are nobody else's. */
function payload(task: ProduceTask): { parts: Buffer[]; bodies: Buffer[] } {
  const parts = [produceHead(task)];
  const bodies: Buffer[] = [];
  for (const { topic, partitions } of task.topicData) {
    parts.push(text(topic), int32(partitions.length));
    for (const { partition, firstSequence, messages } of partitions) {
      const { head, body } = encodeBatch({
        records: messages,
        timestampMs: Date.now(),
        producerId: BigInt(task.producerId ?? -1),
        producerEpoch: task.producerEpoch ?? 0,
        firstSequence: firstSequence ?? 0,
        packing: packings[task.compression] ?? "none",
      });
      parts.push(int32(partition), int32(head.length + body.length), head, body);
      bodies.push(body);
    }
  }
  return { parts, bodies };
}

function requestHead(apiVersion: number, correlationId: number, clientId: string): Buffer {
  const head = Buffer.allocUnsafe(8);
  head.writeInt16BE(produceKey, 0);
  head.writeInt16BE(apiVersion, 2);
  head.writeInt32BE(correlationId, 4);
  return Buffer.concat([head, text(clientId)]);
}

/** No transaction, acknowledgements, how long the broker may take for them, and how many topics. */
function produceHead({ acks, timeout, topicData }: ProduceTask): Buffer {
  const head = Buffer.allocUnsafe(12);
  head.writeInt16BE(-1, 0);
  head.writeInt16BE(acks, 2);
  head.writeInt32BE(timeout, 4);
  head.writeInt32BE(topicData.length, 8);
  return head;
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.allocUnsafe(2 + Buffer.byteLength(value));
  bytes.writeInt16BE(bytes.length - 2);
  bytes.write(value, 2);
  return bytes;
}

/**
 * Puts this encoder into kafkajs 2.2, which copies a batch eight times on its way, each time into
 * new memory: the collection of that is two thirds of what sending costs. Where kafkajs has been
 * loaded before, two of the copies remain.
 */
export function replaceProduce(require: Require): void {
  const Encoder = require("kafkajs/src/protocol/encoder") as new (bytes: number) => Encoder;
  const encoded = (bytes: Buffer): Encoder => {
    const encoder = new Encoder(bytes.length);
    encoder.writeBufferInternal(bytes);
    return encoder;
  };
  const tasks = new WeakMap<Request, ProduceTask>();
  replace(require, producing, (task: ProduceTask): Request => {
    const request: Request = {
      apiKey: produceKey,
      apiVersion: 7,
      apiName: "Produce",
      expectResponse: () => task.acks !== 0,
      encode: () => Promise.resolve(encoded(Buffer.concat(payload(task).parts))),
    };
    tasks.set(request, task);
    return request;
  });
  const frame = require(framing) as (given: Framing) => Promise<Encoded>;
  replace(require, framing, async (given: Framing) => {
    const task = tasks.get(given.request);
    if (task === undefined) return frame(given);
    const buffer = framed(given, task);
    return { buffer, size: () => buffer.length };
  });
}

function replace(require: Require, name: string, by: unknown): void {
  require(name);
  const module = require.cache[require.resolve(name)];
  if (module === undefined) throw new Error(`${name} is not as in kafkajs 2.2`);
  module.exports = by;
}
