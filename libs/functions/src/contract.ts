/**
 * A stream function: one handler per file, `export default defineFunction({...})`, started by name.
 * The runtime reads the topic in a group, gathers messages to a batch within the bounds, calls the
 * handler, and commits the offsets when its promise resolves. Before the call it stores the bounds
 * of the batch beside the committed offset, so that after a crash the very same batch is handed
 * over again under the same token: the handler's sink can tell that it has it already.
 */
import type { Message, OutgoingMessage } from "@weir/bus";

export interface FunctionBatch {
  topic: string;
  partition: number;
  messages: Message[];
  /** `topic:partition:first-last`: the same after a crash, for deduplication in the sink. */
  token: string;
  /** True when this batch was begun before a restart. */
  replayed: boolean;
}

export interface FunctionContext {
  /** Sends to another topic; awaited before the batch counts as done. */
  emit(topic: string, messages: OutgoingMessage[]): Promise<void>;
  /** Sets one message aside with the reason; the others go on. */
  deadLetter(message: Message, reason: string): Promise<void>;
  log: {
    debug(fields: object, text: string): void;
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
    error(fields: object, text: string): void;
  };
  signal: AbortSignal;
}

export interface StreamFunction<Services> {
  name: string;
  input: string;
  /** Topics it may emit to. */
  outputs: string[];
  batch: { maxMessages: number; maxBytes: number; maxWaitMs: number };
  retry: { maxAttempts: number; firstDelayMs: number; maxDelayMs: number };
  /** Called once; what it returns handles the batches. `services` are the doors it works through. */
  start(services: Services): Promise<FunctionHandler> | FunctionHandler;
}

export interface FunctionHandler {
  handle(batch: FunctionBatch, context: FunctionContext): Promise<void>;
  /** After the last batch. */
  stop?(): Promise<void>;
}
