import type {
  Batch,
  Bus,
  BusCounters,
  GroupOptions,
  GroupReader,
  OutgoingMessage,
  TableOptions,
  TableReader,
  TailOptions,
  TopicSpec,
} from "../bus.ts";
import { newCounters } from "../counters.ts";
import { asError, BusError } from "../error.ts";
import { InFlight } from "../in-flight.ts";
import { KafkaAdmin } from "./admin.ts";
import { kafkaClient, retryOf, unavailable } from "./client.ts";
import { KafkaFollower } from "./follower.ts";
import type { FollowerOptions } from "./follower.ts";
import { KafkaGroupReader } from "./group.ts";
import { connectKafkajs } from "./kafkajs-producer.ts";
import { sentMessageOf, sizeOf } from "./message.ts";
import type { KafkaBusOptions } from "./options.ts";
import { defaultKafkaBusOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { connectPlatformatic } from "./platformatic-producer.ts";
import type { ConnectProducer } from "./producer.ts";

const producers: { [name in KafkaBusOptions["producer"]]: ConnectProducer } = {
  kafkajs: connectKafkajs,
  platformatic: connectPlatformatic,
};

/**
 * The bus over Apache Kafka 4.0 or newer. Connects when it is first used. Sends reject with
 * `unavailable` after the configured retries; readers report trouble through `onError` and go on by
 * themselves once the broker is back.
 */
export function createKafkaBus(options: Partial<KafkaBusOptions> & { brokers: string[] }): Bus {
  return new KafkaBus({ ...defaultKafkaBusOptions, ...options });
}

class KafkaBus implements Bus {
  readonly kind = "kafka";
  readonly #options: KafkaBusOptions;
  readonly #counters: BusCounters = newCounters();
  readonly #inFlight: InFlight;
  readonly #outbox: Outbox;
  /**
   * Compaction keeps the last batch of an idempotent producer even when it is empty, and kafkajs's
   * consumers cannot get past such a batch at the end of a topic. Second copies do no harm there.
   */
  readonly #compactedOutbox: Outbox;
  readonly #admin: KafkaAdmin;
  /** Topics that are known to be there, and whether they are compacted. */
  readonly #compacted = new Map<string, Promise<boolean>>();
  readonly #readers = new Set<{ close(): Promise<void> }>();
  #closing: Promise<void> | undefined;

  constructor(options: KafkaBusOptions) {
    this.#options = options;
    this.#inFlight = new InFlight(options.maxInFlightBytes);
    const connect = producers[options.producer];
    this.#outbox = new Outbox(connect, options, { isIdempotent: true, isPaced: true });
    // Small tables, where somebody waits for the newest.
    this.#compactedOutbox = new Outbox(connect, options, { isIdempotent: false, isPaced: false });
    this.#admin = new KafkaAdmin(kafkaClient(options), options);
  }

  counters(): Readonly<BusCounters> {
    return { ...this.#counters, inFlightBytes: this.#inFlight.bytes };
  }

  async ensureTopics(topics: TopicSpec[]): Promise<void> {
    this.#refuseClosed();
    await this.#admin.ensureTopics(topics);
  }

  async send(topic: string, messages: OutgoingMessage[]): Promise<void> {
    try {
      this.#refuseClosed();
      const parcels = this.#parcels(topic, messages);
      const [compacted] = await this.#expect([topic]);
      if (compacted && messages.some((message) => message.key === null)) {
        throw new BusError("invalid", `${topic} is compacted: a message needs a key`);
      }
      const outbox = compacted ? this.#compactedOutbox : this.#outbox;
      const sends = parcels.map(({ share, bytes }) =>
        this.#inFlight.run(bytes, () => outbox.send(topic, share.map(sentMessageOf), bytes)),
      );
      const failed = (await Promise.allSettled(sends)).find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
    } catch (error) {
      this.#counters.refusedMessages += messages.length;
      throw unavailable(this.#options, `sending to ${topic}`, error);
    }
    this.#counters.sentMessages += messages.length;
    for (const message of messages) this.#counters.sentBytes += message.value?.length ?? 0;
  }

  /** Shares that fit a request: a broker refuses a batch past max.message.bytes as a whole. */
  #parcels(
    topic: string,
    messages: OutgoingMessage[],
  ): { share: OutgoingMessage[]; bytes: number }[] {
    const { maxMessageBytes, maxRequestBytes } = this.#options;
    const parcels: { share: OutgoingMessage[]; bytes: number }[] = [];
    for (const message of messages) {
      const bytes = sizeOf(message);
      if (bytes > maxMessageBytes) {
        const what = `a message of ${bytes} bytes to ${topic}, at most ${maxMessageBytes}`;
        throw new BusError("too_large", `${what}: split it or raise maxMessageBytes`);
      }
      const last = parcels.at(-1);
      if (last && last.bytes + bytes <= maxRequestBytes) {
        last.share.push(message);
        last.bytes += bytes;
      } else {
        parcels.push({ share: [message], bytes });
      }
    }
    return parcels;
  }

  async readGroup(options: GroupOptions): Promise<GroupReader> {
    this.#refuseClosed();
    const compacted = await this.#expect(options.topics);
    // A join that fails closes its reader before there is one here.
    let joined: KafkaGroupReader | undefined;
    const reader = await KafkaGroupReader.join(
      {
        newConsumer: (groupId) =>
          kafkaClient(this.#options).consumer({
            groupId,
            allowAutoTopicCreation: false,
            sessionTimeout: this.#options.sessionTimeoutMs,
            rebalanceTimeout: this.#options.rebalanceTimeoutMs,
            heartbeatInterval: this.#options.heartbeatIntervalMs,
            // Also how long a paused partition waits to be asked for again.
            maxWaitTimeInMs: 100,
            retry: retryOf(this.#options),
          }),
        admin: this.#admin,
        bus: this.#options,
        counters: this.#counters,
        compacted: new Set(options.topics.filter((_, index) => compacted[index])),
        onClosed: () => joined && this.#readers.delete(joined),
      },
      options,
    );
    joined = reader;
    this.#readers.add(reader);
    return reader;
  }

  readTable(options: TableOptions): Promise<TableReader> {
    const onBatch = ({ messages }: Batch): void => {
      for (const message of messages) {
        if (message.key === null) continue;
        guarded(options, () => options.onRecord(message.key as string, message.value, message));
      }
    };
    return this.#follow({ topic: options.topic, from: "beginning", onBatch }, options);
  }

  readTail(options: TailOptions): Promise<TableReader> {
    const onBatch = (batch: Batch): void => guarded(options, () => options.onBatch(batch));
    return this.#follow({ topic: options.topic, from: "end", onBatch }, options);
  }

  async #follow(
    what: Pick<FollowerOptions, "topic" | "from" | "onBatch">,
    asked: { onError?(error: Error): void },
  ): Promise<TableReader> {
    this.#refuseClosed();
    await this.#expect([what.topic]);
    try {
      const follower: KafkaFollower = await KafkaFollower.open({
        ...what,
        kafka: kafkaClient(this.#options),
        bus: this.#options,
        counters: this.#counters,
        onError: (error) => asked.onError?.(error),
        onClosed: () => this.#readers.delete(follower),
      });
      this.#readers.add(follower);
      return follower;
    } catch (error) {
      throw unavailable(this.#options, `reading ${what.topic}`, error);
    }
  }

  async lag(group: string, topic: string): Promise<bigint> {
    this.#refuseClosed();
    await this.#expect([topic]);
    const [positions, bounds] = await Promise.all([
      this.#admin.positions(group, [topic]),
      this.#admin.bounds(topic),
    ]);
    return bounds.reduce((sum, { partition, low, high }) => {
      const stored = positions.find((one) => one.partition === partition)?.offset ?? -1n;
      const from = stored < low ? low : stored;
      return from < high ? sum + high - from : sum;
    }, 0n);
  }

  /** Asks the broker once per topic, so that a missing one is a clear error and is not made. */
  async #expect(topics: string[]): Promise<boolean[]> {
    return Promise.all(
      topics.map((topic) => {
        const asked = this.#compacted.get(topic) ?? this.#admin.isCompacted(topic);
        this.#compacted.set(topic, asked);
        asked.catch(() => this.#compacted.delete(topic));
        return asked;
      }),
    );
  }

  #refuseClosed(): void {
    if (this.#closing) throw new BusError("closed", "the bus has been closed");
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()));
    await Promise.all([this.#outbox.close(), this.#compactedOutbox.close()]);
    await this.#admin.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function guarded(asked: { onError?(error: Error): void }, call: () => void): void {
  try {
    call();
  } catch (thrown) {
    asked.onError?.(asError(thrown));
  }
}
