import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import type { Batch, BusCounters, Message } from "./bus.ts";
import { asError, BusError } from "./error.ts";
import { Wakeup } from "./wakeup.ts";

/** Bytes of one batch; a larger message goes alone. */
const maxBatchBytes = 4 << 20;
const firstPauseMs = 50;
const maxPauseMs = 5000;

/** What reads a source: rung when there is more, asked where it is before anything goes. */
export interface SourceReader {
  ring(): void;
  /** Offset of the next message it will read. */
  position(): bigint;
}

/** The messages of one partition as far as they are in this process. */
export interface Source {
  readonly topic: string;
  readonly partition: number;
  /** Below this nothing is left that has not been read; gaps above are the sender's or compaction's. */
  readonly firstOffset: bigint;
  readonly readers: Set<SourceReader>;
  /** From the offset on, at least one if there is one, whatever its size. */
  read(from: bigint, maxMessages: number, maxBytes: number): Message[];
}

export interface DeliveryOptions {
  source: Source;
  from: bigint;
  maxBatchMessages: number;
  counters: BusCounters;
  /** Rejecting gets the same batch again after a pause. */
  onBatch(batch: Batch): Promise<void> | void;
  onError?: ((error: Error) => void) | undefined;
  /** Called when it has nothing left to read. */
  onCaughtUp?(): void;
}

/** Hands the messages of one partition to one handler, batch by batch, until it is stopped. */
export class Delivery implements SourceReader {
  readonly done: Promise<void>;
  readonly #options: DeliveryOptions;
  readonly #wakeup = new Wakeup();
  #position: bigint;
  readonly #stopping = new AbortController();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#position = options.from;
    options.source.readers.add(this);
    this.done = this.#run();
  }

  ring(): void {
    this.#wakeup.ring();
  }

  position(): bigint {
    return this.#position;
  }

  /** No batch is begun after this; `done` resolves after the one in hand. */
  stop(): void {
    this.#stopping.abort();
    this.#wakeup.ring();
  }

  async #run(): Promise<void> {
    const { source, counters } = this.#options;
    // The caller gets its reader before the first batch.
    await turn();
    while (!this.#stopping.signal.aborted) {
      this.#noticeSkipped();
      const messages = source.read(this.#position, this.#options.maxBatchMessages, maxBatchBytes);
      const last = messages.at(-1);
      if (!last) {
        this.#options.onCaughtUp?.();
        await this.#wakeup.wait();
        continue;
      }
      const batch = { topic: source.topic, partition: source.partition, messages };
      counters.readMessages += messages.length;
      await this.#handOver(batch);
      this.#position = last.offset + 1n;
      await turn();
    }
    source.readers.delete(this);
  }

  async #handOver(batch: Batch): Promise<void> {
    const { signal } = this.#stopping;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
      try {
        await this.#options.onBatch(batch);
        return;
      } catch (thrown) {
        this.#options.counters.retries++;
        this.#options.onError?.(asError(thrown));
        await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Only tails: what a group has not committed stays. */
  #noticeSkipped(): void {
    const { source, counters, onError } = this.#options;
    if (source.firstOffset <= this.#position) return;
    const skipped = Number(source.firstOffset - this.#position);
    this.#position = source.firstOffset;
    counters.skippedMessages += skipped;
    const what = `${skipped} messages of ${source.topic}/${source.partition} went before they were read`;
    onError?.(new BusError("skipped", `${what}; read faster or raise maxPartitionBytes`));
  }
}
