import { types } from "node:util";
import type * as Library from "@platformatic/kafka";
import type { CompressionAlgorithmSpecification } from "@platformatic/kafka";
import { partitionOf } from "../partitioner.ts";
import type { KafkaBusOptions } from "./options.ts";
import { pack } from "./packing.ts";
import type { BatchProducer } from "./producer.ts";
import type { SentRecord } from "./record-batch.ts";

/**
 * Sends through @platformatic/kafka. It compresses before it resolves anything, on this thread; an
 * idempotent producer of it asks for a new identity by itself after a request that failed for good.
 */
export async function connectPlatformatic(
  options: KafkaBusOptions,
  idempotent: boolean,
): Promise<BatchProducer> {
  // Only where it is asked for: it takes 40 MiB and half a second to load.
  const library = await import("@platformatic/kafka");
  teachZstd(library);
  let unkeyed = 0;
  const producer = new library.Producer({
    clientId: options.clientId,
    bootstrapBrokers: options.brokers,
    idempotent,
    acks: library.ProduceAcks.ALL,
    compression: options.compression,
    autocreateTopics: false,
    // Fewer than two it takes for no bound at all.
    retries: Math.max(2, options.maxRetries),
    retryDelay: (_client: unknown, _operation: string, attempt: number) =>
      Math.min(options.firstRetryMs * 2 ** (attempt - 1), options.maxRetryMs),
    connectTimeout: 3000,
    requestTimeout: options.requestTimeoutMs,
    timeout: options.requestTimeoutMs,
    metadataMaxAge: 5 * 60_000,
    // It takes the rest by the number of partitions.
    partitioner: (_message: unknown, key?: Buffer) =>
      key === undefined || key === null ? unkeyed++ : partitionOf(key.toString(), 2 ** 31),
  });
  return {
    async send(batches) {
      const messages = batches.flatMap((batch) =>
        batch.messages.map((message) => ({ topic: batch.topic, ...bytesOf(message) })),
      );
      try {
        await producer.send({ messages });
      } catch (error) {
        throw explained(error);
      }
    },
    close: () => producer.close(),
  };
}

function bytesOf({ key, value, headers }: SentRecord): {
  key: Buffer;
  value: Buffer;
  headers: Map<Buffer, Buffer>;
} {
  return {
    // Null is a key and a value for it, though not by its types.
    key: (key === null ? null : Buffer.from(key)) as Buffer,
    value: value as Buffer,
    headers: new Map(
      Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)]),
    ),
  };
}

/** Level 1, for which there is no option, and a chunk that takes all of what comes out. */
function teachZstd({ compressionsAlgorithms }: typeof Library): void {
  const zstd: CompressionAlgorithmSpecification = compressionsAlgorithms.zstd;
  zstd.compressSync = (data) => pack("zstd", Buffer.isBuffer(data) ? data : data.buffer);
}

/** With the protocol's name of what the broker refused where others look for it. */
function explained(thrown: unknown): Error {
  const texts: string[] = [];
  let type = "";
  const visit = (error: unknown): void => {
    if (!types.isNativeError(error)) return;
    const { apiId, errors } = error as { apiId?: string; errors?: unknown[] };
    texts.push(error.message);
    type ||= apiId ?? "";
    for (const one of errors ?? []) visit(one);
    visit(error.cause);
  };
  visit(thrown);
  const name = type === "" ? "ConnectionError" : "ProtocolError";
  const text = [...new Set(texts)].join(": ");
  return Object.assign(new Error(text, { cause: thrown }), { name, type });
}
