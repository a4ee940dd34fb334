import { type Bus, type TableReader, topics } from "@weir/bus";
import { createFlowDecoder } from "@weir/codec";
import { type IdentityIndex, ReasonTexts, describeFlow } from "@weir/identity";
import type { Log, PartCounters } from "@weir/runtime";
import type { FlowLine } from "./answers.ts";

/** A flow, or the word that so many did not fit in the subscriber's queue. */
export type LiveItem = { flow: FlowLine } | { missed: number };

export interface Subscription extends AsyncIterable<LiveItem>, Disposable {}

/** Flows as they come over the bus, before they are stored. */
export interface LiveFlows extends AsyncDisposable {
  /**
   * From now on, until disposed. Without a subscriber nothing is read. Throws RangeError when
   * there are `maxClients` already.
   */
  subscribe(matches: (flow: FlowLine) => boolean): Promise<Subscription>;
}

export interface LiveOptions {
  bus: Bus;
  identity: IdentityIndex;
  maxClients: number;
  maxQueuedFlows: number;
  log: Log;
  counters: PartCounters;
}

export function createLiveFlows(options: LiveOptions): LiveFlows {
  const subscribers = new Set<Subscriber>();
  const decoder = createFlowDecoder();
  let tail: Promise<TableReader> | undefined;

  const openTail = (): Promise<TableReader> =>
    options.bus.readTail({
      topic: topics.flows.name,
      onError: (error) => options.log.warn({ error }, "the live tail is interrupted"),
      onBatch(batch) {
        for (const { value } of batch.messages) if (value !== null) deliver(value);
      },
    });

  const deliver = (message: Uint8Array): void => {
    try {
      const columns = decoder.decode(message);
      options.counters.received(columns.count);
      const reasons = new ReasonTexts(columns.rules);
      for (let row = 0; row < columns.count; row++) {
        const flow = describeFlow(columns, row, options.identity, reasons);
        for (const subscriber of subscribers) subscriber.offer(flow);
      }
    } catch (error) {
      // The enricher sets it aside with its reason; here it only does not show.
      options.counters.error("malformed");
      options.log.debug({ error }, "a block of flows cannot be read");
    }
  };

  return {
    async subscribe(matches) {
      if (subscribers.size >= options.maxClients) {
        throw new RangeError(
          `${options.maxClients} live tails are open, which is all there may be`,
        );
      }
      const subscriber = new Subscriber(matches, options.maxQueuedFlows, options.counters);
      subscriber.onEnd = () => {
        subscribers.delete(subscriber);
        if (subscribers.size > 0 || tail === undefined) return;
        const closing = tail;
        tail = undefined;
        closing
          .then((reader) => reader.close())
          .catch((error: unknown) => {
            options.log.warn({ error }, "the live tail did not close");
          });
      };
      subscribers.add(subscriber);
      tail ??= openTail();
      const opening = tail;
      try {
        await opening;
      } catch (error) {
        if (tail === opening) tail = undefined;
        subscriber[Symbol.dispose]();
        throw error;
      }
      return subscriber;
    },
    async [Symbol.asyncDispose]() {
      for (const subscriber of subscribers) subscriber[Symbol.dispose]();
      await (await tail)?.close();
    },
  };
}

/** One reader's bounded queue: when it is full the oldest flow gives way and is counted. */
class Subscriber implements Subscription {
  onEnd: () => void = () => undefined;
  #matches: (flow: FlowLine) => boolean;
  #queue: FlowLine[] = [];
  #maxQueued: number;
  #missed = 0;
  #ended = false;
  #wake: () => void = () => undefined;
  #counters: PartCounters;

  constructor(matches: (flow: FlowLine) => boolean, maxQueued: number, counters: PartCounters) {
    this.#matches = matches;
    this.#maxQueued = maxQueued;
    this.#counters = counters;
  }

  offer(flow: FlowLine): void {
    if (this.#ended || !this.#matches(flow)) return;
    if (this.#queue.length >= this.#maxQueued) {
      this.#missed += this.#queue.splice(0, Math.ceil(this.#maxQueued / 16)).length;
      this.#counters.dropped("slow-reader", Math.ceil(this.#maxQueued / 16));
    }
    this.#queue.push(flow);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LiveItem> {
    try {
      for (;;) {
        if (this.#missed > 0) {
          const missed = this.#missed;
          this.#missed = 0;
          yield { missed };
        }
        const flows = this.#queue;
        this.#queue = [];
        for (const flow of flows) yield { flow };
        this.#counters.sent(flows.length);
        if (this.#queue.length > 0 || this.#missed > 0) continue;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake();
    this.onEnd();
  }
}
