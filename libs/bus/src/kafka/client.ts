import type { CompressionTypes, Kafka, LogEntry, RetryOptions } from "kafkajs";
import { asError, BusError, causesOf } from "../error.ts";
import type { BusErrorCode } from "../error.ts";
import type { KafkaBusOptions } from "./options.ts";
import { kafkajs } from "./library.ts";
import { silenceNegativeTimers } from "./negative-timer.ts";
import { pack, unpackZstd } from "./packing.ts";

/** kafkajs knows the number of the format and leaves the work to whoever needs it. */
function teachZstd(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs();
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(pack("zstd", buffer)),
    decompress: unpackZstd,
  });
}

export function compressionType(name: KafkaBusOptions["compression"]): CompressionTypes {
  const { CompressionTypes: types } = kafkajs();
  return { none: types.None, gzip: types.GZIP, zstd: types.ZSTD }[name];
}

export function retryOf(options: KafkaBusOptions): RetryOptions {
  return {
    retries: options.maxRetries,
    initialRetryTime: options.firstRetryMs,
    maxRetryTime: options.maxRetryMs,
    // Readers are started anew by their own supervisor, in one way for every cause.
    restartOnFailure: () => Promise.resolve(false),
  };
}

/**
 * A kafkajs client that says nothing by itself. Each line it would print is a retry it makes or an
 * error it also throws, so all of them go to the log's debug level: what matters reaches the
 * caller as a rejection or through `onError`.
 */
export function kafkaClient(options: KafkaBusOptions): Kafka {
  const { Kafka: Client, logLevel } = kafkajs();
  silenceNegativeTimers();
  teachZstd();
  return new Client({
    brokers: options.brokers,
    clientId: options.clientId,
    connectionTimeout: 3000,
    requestTimeout: options.requestTimeoutMs,
    retry: retryOf(options),
    logLevel: logLevel.INFO,
    logCreator: () => (entry: LogEntry) => {
      const { message, timestamp: _, ...fields } = entry.log;
      options.log.debug({ kafkajs: entry.label, ...fields }, message);
    },
  });
}

/** What a broker refuses for good, by kafkajs's name of the protocol's error. */
const refusals: Record<string, BusErrorCode> = {
  MESSAGE_TOO_LARGE: "too_large",
  RECORD_LIST_TOO_LARGE: "too_large",
  INVALID_RECORD: "invalid",
  UNKNOWN_TOPIC_OR_PARTITION: "unknown_topic",
};

/** Wraps what kafkajs throws; says where the broker was looked for. */
export function unavailable(options: KafkaBusOptions, doing: string, cause: unknown): BusError {
  if (cause instanceof BusError) return cause;
  const reason = asError(cause).message;
  for (const { type } of causesOf(cause)) {
    const code = refusals[type ?? ""];
    if (code) return new BusError(code, `${doing} failed: ${reason}`, { cause });
  }
  const brokers = options.brokers.join(", ");
  const what = `${doing} failed: ${reason}; see that Kafka answers at ${brokers}`;
  return new BusError("unavailable", what, { cause });
}
