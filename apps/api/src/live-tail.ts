import type { Bus, TableReader } from "@weir/bus";
import type { Log, PartCounters } from "@weir/runtime";

/** One of those that come, or the word that so many did not fit in the subscriber's queue. */
export type TailItem<Item> = { item: Item } | { missed: number };

export interface Subscription<Item> extends AsyncIterable<TailItem<Item>>, Disposable {}

/** What comes over a topic of the bus, before it is stored. */
export interface LiveTail<Item> extends AsyncDisposable {
  /**
   * From now on, until disposed. Without a subscriber nothing is read. Throws RangeError when
   * there are `maxClients` already.
   */
  subscribe(matches: (item: Item) => boolean): Promise<Subscription<Item>>;
}

export interface LiveTailOptions<Item> {
  bus: Bus;
  topic: string;
  /** What a message holds. Throws for one that cannot be read: it is left out, and counted. */
  read: (message: Uint8Array) => Iterable<Item>;
  maxClients: number;
  maxQueued: number;
  log: Log;
  counters: PartCounters;
}

/** Reads the topic while somebody listens, and hands each subscriber what it asked for. */
export function createLiveTail<Item>(options: LiveTailOptions<Item>): LiveTail<Item> {
  const subscribers = new Set<Subscriber<Item>>();
  let tail: Promise<TableReader> | undefined;

  const deliver = (message: Uint8Array): void => {
    let count = 0;
    try {
      for (const item of options.read(message)) {
        for (const subscriber of subscribers) subscriber.offer(item);
        count++;
      }
      options.counters.received(count);
    } catch (error) {
      // The enricher sets it aside with its reason; here it only does not show.
      options.counters.error("malformed");
      options.log.debug({ error, topic: options.topic }, "a message cannot be read");
    }
  };
  const openTail = (): Promise<TableReader> =>
    options.bus.readTail({
      topic: options.topic,
      onError: (error) => options.log.warn({ error }, "the live tail is interrupted"),
      onBatch(batch) {
        for (const { value } of batch.messages) if (value !== null) deliver(value);
      },
    });
  const closeUnused = (): void => {
    if (subscribers.size > 0 || tail === undefined) return;
    const closing = tail;
    tail = undefined;
    closing
      .then((reader) => reader.close())
      .catch((error: unknown) => {
        options.log.warn({ error }, "the live tail did not close");
      });
  };

  return {
    async subscribe(matches) {
      if (subscribers.size >= options.maxClients) {
        throw new RangeError(
          `${options.maxClients} live tails are open, which is all there may be`,
        );
      }
      const subscriber = new Subscriber(matches, options.maxQueued, options.counters);
      subscriber.onEnd = () => {
        subscribers.delete(subscriber);
        closeUnused();
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

/** One reader's bounded queue: when it is full the oldest gives way and is counted. */
class Subscriber<Item> implements Subscription<Item> {
  onEnd: () => void = () => undefined;
  #matches: (item: Item) => boolean;
  #queue: Item[] = [];
  #maxQueued: number;
  #missed = 0;
  #ended = false;
  #wake: () => void = () => undefined;
  #counters: PartCounters;

  constructor(matches: (item: Item) => boolean, maxQueued: number, counters: PartCounters) {
    this.#matches = matches;
    this.#maxQueued = maxQueued;
    this.#counters = counters;
  }

  offer(item: Item): void {
    if (this.#ended || !this.#matches(item)) return;
    if (this.#queue.length >= this.#maxQueued) {
      const dropped = this.#queue.splice(0, Math.ceil(this.#maxQueued / 16)).length;
      this.#missed += dropped;
      this.#counters.dropped("slow-reader", dropped);
    }
    this.#queue.push(item);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TailItem<Item>> {
    try {
      for (;;) {
        if (this.#missed > 0) {
          const missed = this.#missed;
          this.#missed = 0;
          yield { missed };
        }
        const items = this.#queue;
        this.#queue = [];
        for (const item of items) yield { item };
        this.#counters.sent(items.length);
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
