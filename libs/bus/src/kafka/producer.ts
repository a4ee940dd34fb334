import type { KafkaBusOptions } from "./options.ts";
import type { SentRecord } from "./record-batch.ts";

export interface TopicMessages {
  topic: string;
  messages: SentRecord[];
}

/** What an outbox sends through: one request at a time, and none after one that failed for good. */
export interface BatchProducer {
  /** Resolves when every in-sync replica has all of it. Retries as the options say. */
  send(batches: TopicMessages[]): Promise<void>;
  close(): Promise<void>;
}

/** `idempotent`: retries leave no second copy. */
export type ConnectProducer = (
  options: KafkaBusOptions,
  idempotent: boolean,
) => Promise<BatchProducer>;
