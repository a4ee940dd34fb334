import type { Message, OutgoingMessage, Position } from "@weir/bus";
import { pause, retryDelayMs } from "@weir/runtime";
import type { Log, PartCounters } from "@weir/runtime";
import type {
  FunctionBatch,
  FunctionContext,
  FunctionHandler,
  StreamFunction,
} from "./contract.ts";
import { letterMessage } from "./dead-letter.ts";
import type { Letter } from "./dead-letter.ts";
import { BadMessage } from "./define.ts";
import { gatherBatch, gatherReplay } from "./gather.ts";
import { batchToken, formatIntent } from "./intent.ts";
import type { Intent } from "./intent.ts";
import { PartitionQueue } from "./queue.ts";

/** What a worker works through; the running function gives it. */
export interface WorkerDoors {
  definition: StreamFunction<never>;
  handler: FunctionHandler;
  deadLetterTopic: string;
  log: Log;
  counters: PartCounters;
  send(topic: string, messages: OutgoingMessage[]): Promise<void>;
  commit(positions: Position[]): Promise<void>;
  onReplay(batch: FunctionBatch): void;
  onBatchDone(seconds: number): void;
}

/** Why a partition does not move; it is being retried all the same. */
export interface Halt {
  topic: string;
  partition: number;
  token: string;
  attempts: number;
  error: string;
}

/**
 * One partition's loop: gather, write the intent, handle, set dead letters aside, commit. It ends
 * when it is stopped or when the partition is taken away; nothing else ends it.
 */
export class PartitionWorker {
  readonly topic: string;
  readonly partition: number;
  readonly queue: PartitionQueue;
  /** Resolves when the loop has ended. Never rejects. */
  readonly done: Promise<void>;
  halt: Halt | undefined;
  #busy = false;
  #flushing = false;
  #controller = new AbortController();
  #doors: WorkerDoors;
  #replay: Intent | undefined;

  constructor(topic: string, partition: number, replay: Intent | undefined, doors: WorkerDoors) {
    this.topic = topic;
    this.partition = partition;
    this.#replay = replay;
    this.#doors = doors;
    const { maxMessages, maxBytes } = doors.definition.batch;
    this.queue = new PartitionQueue({ maxMessages: maxMessages * 2, maxBytes: maxBytes * 2 });
    this.done = this.#run();
  }

  get idle(): boolean {
    return !this.#busy && this.queue.messages === 0;
  }

  /** Handles what is queued without waiting for more, then ends. */
  flush(): void {
    this.#flushing = true;
    this.queue.close();
  }

  /** Ends as soon as the handler returns; commits nothing any more. */
  abandon(reason: string): void {
    this.#controller.abort(new Error(reason));
    this.flush();
  }

  async #run(): Promise<void> {
    while (!this.#controller.signal.aborted) {
      const batch = await this.#next();
      if (!batch) return;
      this.#busy = true;
      const startedMs = performance.now();
      const done = await this.#untilDone(batch);
      if (done) this.#doors.onBatchDone((performance.now() - startedMs) / 1000);
      this.#busy = false;
      this.halt = undefined;
    }
  }

  async #next(): Promise<FunctionBatch | undefined> {
    const stopping = (): boolean => this.#flushing;
    const replay = this.#replay;
    if (replay) {
      const messages = await gatherReplay(this.queue, replay, stopping);
      if (!messages) return undefined;
      this.#replay = undefined;
      const token = batchToken(this.topic, this.partition, replay);
      if (messages.length > 0) return this.#batch(messages, token, true);
      this.#doors.log.warn({ token }, "the batch in flight before the restart is no longer kept");
      this.#doors.counters.dropped("replay_expired");
    }
    const messages = await gatherBatch(this.queue, this.#doors.definition.batch, stopping);
    const [first, last] = [messages[0], messages.at(-1)];
    if (!first || !last) return undefined;
    const intent = { first: first.offset, last: last.offset };
    return this.#batch(messages, batchToken(this.topic, this.partition, intent), false);
  }

  #batch(messages: Message[], token: string, replayed: boolean): FunctionBatch {
    return { topic: this.topic, partition: this.partition, messages, token, replayed };
  }

  /** Each step is retried until it works: nothing is skipped, nothing is done twice in vain. */
  async #untilDone(batch: FunctionBatch): Promise<boolean> {
    if (batch.replayed) this.#doors.onReplay(batch);
    else if (!(await this.#retry(batch, "commit", () => this.#commitIntent(batch)))) return false;
    const letters: Letter[] = [];
    const handled = await this.#retry(batch, "handler", () => this.#handle(batch, letters));
    if (!handled) return false;
    if (letters.length > 0) {
      const set = await this.#retry(batch, "dead_letter", () => this.#setAside(letters));
      if (!set) return false;
    }
    const committed = await this.#retry(batch, "commit", () => this.#commitDone(batch));
    if (committed) this.#doors.counters.sent(batch.messages.length - letters.length);
    return committed;
  }

  async #handle(batch: FunctionBatch, letters: Letter[]): Promise<void> {
    letters.length = 0;
    let rest = batch.messages;
    // At most one round per message: each one that is refused leaves the batch.
    while (rest.length > 0) {
      const aside: Letter[] = [];
      const sends: Promise<void>[] = [];
      try {
        await this.#doors.handler.handle({ ...batch, messages: rest }, this.#context(aside, sends));
        await Promise.all(sends);
        letters.push(...aside);
        return;
      } catch (error) {
        await Promise.allSettled(sends);
        if (!(error instanceof BadMessage) || !rest.includes(error.culprit)) throw error;
        letters.push({ message: error.culprit, reason: error.message });
        rest = rest.filter((message) => message !== error.culprit);
      }
    }
  }

  #context(aside: Letter[], sends: Promise<void>[]): FunctionContext {
    const { definition, log } = this.#doors;
    return {
      log,
      signal: this.#controller.signal,
      emit: (topic, messages) => {
        if (!definition.outputs.includes(topic)) {
          return Promise.reject(
            new Error(`${definition.name} does not declare the output ${topic}`),
          );
        }
        const sending = this.#doors.send(topic, messages);
        sends.push(sending);
        // The batch fails with it in any case; a handler need not await it.
        sending.catch(() => {});
        return sending;
      },
      deadLetter: (message, reason) => {
        aside.push({ message, reason });
        return Promise.resolve();
      },
    };
  }

  async #setAside(letters: Letter[]): Promise<void> {
    const name = this.#doors.definition.name;
    const messages = letters.map((letter) => letterMessage(letter, name));
    await this.#doors.send(this.#doors.deadLetterTopic, messages);
    for (const { message, reason } of letters) {
      this.#doors.counters.dropped("dead_letter");
      const { topic, partition, offset } = message;
      this.#doors.log.warn({ topic, partition, offset: String(offset), reason }, "set aside");
    }
  }

  #commitIntent(batch: FunctionBatch): Promise<void> {
    const first = batch.messages[0]?.offset ?? 0n;
    const last = batch.messages.at(-1)?.offset ?? first;
    return this.#commit(first, formatIntent({ first, last }));
  }

  #commitDone(batch: FunctionBatch): Promise<void> {
    return this.#commit((batch.messages.at(-1)?.offset ?? -1n) + 1n, "");
  }

  #commit(offset: bigint, metadata: string): Promise<void> {
    const { topic, partition } = this;
    return this.#doors.commit([{ topic, partition, offset, metadata }]);
  }

  /** False when the worker was abandoned before the step worked. */
  async #retry(batch: FunctionBatch, step: string, run: () => Promise<void>): Promise<boolean> {
    const { retry } = this.#doors.definition;
    const { signal } = this.#controller;
    for (let attempt = 1; !signal.aborted; attempt++) {
      if (attempt > 1 && !(await pause(retryDelayMs(retry, attempt), signal))) return false;
      if (signal.aborted) return false;
      try {
        await run();
        if (this.halt) this.#doors.log.info({ token: batch.token, attempt }, "moving again");
        this.halt = undefined;
        return true;
      } catch (error) {
        this.#doors.counters.error(step);
        this.#failed(batch, step, attempt, error);
      }
    }
    return false;
  }

  #failed(batch: FunctionBatch, step: string, attempt: number, error: unknown): void {
    const { retry } = this.#doors.definition;
    const fields = { error, step, attempt, token: batch.token, messages: batch.messages.length };
    if (attempt < retry.maxAttempts) {
      this.#doors.log.warn(fields, "a batch failed and is tried again");
      return;
    }
    if (attempt === retry.maxAttempts) {
      const text = `the partition stands still until this works; tried every ${retry.maxDelayMs} ms`;
      this.#doors.log.error(fields, text);
    }
    this.halt = {
      topic: this.topic,
      partition: this.partition,
      token: batch.token,
      attempts: attempt,
      error: error instanceof Error ? error.message : String(error),
    };
  }
}
