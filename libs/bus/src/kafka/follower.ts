import { setTimeout as pause } from "node:timers/promises";
import type { Cluster, Kafka, KafkaMessage } from "kafkajs";
import type { Batch, BusCounters, TableReader } from "../bus.ts";
import { asError, BusError } from "../error.ts";
import { kafkajs } from "./library.ts";
import { messageOf } from "./message.ts";
import type { KafkaBusOptions } from "./options.ts";

const maxWaitMs = 250;
const maxFetchBytes = 8 << 20;
const maxPartitionFetchBytes = 1 << 20;

export interface FollowerOptions {
  topic: string;
  from: "beginning" | "end";
  kafka: Kafka;
  bus: KafkaBusOptions;
  counters: BusCounters;
  onBatch(batch: Batch): void;
  onError(error: Error): void;
  onClosed(): void;
}

interface Place {
  partition: number;
  /** Offset of the next message to read. */
  next: bigint;
  /** Where the partition ended when the reader started. */
  end: bigint;
}

/**
 * Reads all partitions of a topic without a group: nothing to join, nothing to leave behind on the
 * broker. It asks the partitions' leaders itself, through the cluster object that kafkajs hands to
 * partition assigners.
 */
export class KafkaFollower implements TableReader {
  readonly #options: FollowerOptions;
  readonly #cluster: Cluster;
  readonly #closed = new AbortController();
  readonly #caughtUp = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #places: Place[];

  private constructor(options: FollowerOptions, cluster: Cluster, places: Place[]) {
    this.#options = options;
    this.#cluster = cluster;
    this.#places = places;
    // Nobody has to wait for it.
    this.#caughtUp.promise.catch(() => undefined);
    this.#noticeCaughtUp();
    this.#running = this.#run();
  }

  /** Resolves when the positions are known: a tail sees everything sent after that. */
  static async open(options: FollowerOptions): Promise<KafkaFollower> {
    const cluster = clusterOf(options.kafka);
    try {
      await cluster.connect();
      await cluster.addTargetTopic(options.topic);
      const ends = await offsetsOf(cluster, options.topic, false);
      const starts = options.from === "end" ? ends : await offsetsOf(cluster, options.topic, true);
      const places = [...starts].map(([partition, next]) => ({
        partition,
        next,
        end: ends.get(partition) ?? next,
      }));
      return new KafkaFollower(options, cluster, places);
    } catch (error) {
      await cluster.disconnect().catch(() => undefined);
      throw error;
    }
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  async #run(): Promise<void> {
    const { firstRetryMs, maxRetryMs } = this.#options.bus;
    const { signal } = this.#closed;
    let pauseMs = firstRetryMs;
    while (!signal.aborted) {
      try {
        await this.#fetch();
        pauseMs = firstRetryMs;
      } catch (error) {
        if (signal.aborted) break;
        this.#report(asError(error));
        await pause(pauseMs, undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(2 * pauseMs, maxRetryMs);
        await this.#reconnect().catch((again: unknown) => this.#report(asError(again)));
      }
    }
  }

  async #fetch(): Promise<void> {
    const { topic } = this.#options;
    await this.#cluster.refreshMetadataIfNecessary();
    const partitions = this.#places.map((place) => place.partition);
    const leaders = Object.entries(this.#cluster.findLeaderForPartitions(topic, partitions));
    await Promise.all(leaders.map(([nodeId, share]) => this.#fetchFrom(nodeId, share)));
    this.#noticeCaughtUp();
  }

  async #fetchFrom(nodeId: string, partitions: number[]): Promise<void> {
    const { topic } = this.#options;
    const broker = await this.#cluster.findBroker({ nodeId });
    const asked = this.#places.filter((place) => partitions.includes(place.partition));
    const answer = (await broker.fetch({
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: maxFetchBytes,
      isolationLevel: 0,
      topics: [
        {
          topic,
          partitions: asked.map(({ partition, next }) => ({
            partition,
            fetchOffset: String(next),
            maxBytes: maxPartitionFetchBytes,
          })),
        },
      ],
    })) as FetchAnswer;
    for (const response of answer.responses) {
      for (const data of response.partitions) this.#take(data);
    }
  }

  #take({ partition, messages, highWatermark }: FetchedPartition): void {
    const place = this.#places.find((one) => one.partition === partition);
    if (!place || this.#closed.signal.aborted) return;
    if (messages.length === 0) {
      // Compaction left nothing up to the end; a record that is there would have been given.
      if (BigInt(highWatermark) > place.next) place.next = BigInt(highWatermark);
      return;
    }
    // A fetch gives whole stored batches, so the first may begin before the offset asked for.
    const fresh = messages.filter((message) => BigInt(message.offset) >= place.next);
    const { topic, counters } = this.#options;
    const read = fresh.filter((message) => message.isControlRecord !== true);
    const last = fresh.at(-1);
    place.next = last ? BigInt(last.offset) + 1n : place.next + 1n;
    if (read.length === 0) return;
    counters.readMessages += read.length;
    this.#options.onBatch({
      topic,
      partition,
      messages: read.map((message) => messageOf(topic, partition, message)),
    });
  }

  #noticeCaughtUp(): void {
    if (this.#places.every((place) => place.next >= place.end)) this.#caughtUp.resolve();
  }

  /** After trouble: new connections, and no position that retention has made void. */
  async #reconnect(): Promise<void> {
    const { topic, counters } = this.#options;
    if (this.#closed.signal.aborted) return;
    await this.#cluster.disconnect().catch(() => undefined);
    await this.#cluster.connect();
    await this.#cluster.refreshMetadata();
    const starts = await offsetsOf(this.#cluster, topic, true);
    const ends = await offsetsOf(this.#cluster, topic, false);
    for (const place of this.#places) {
      const low = starts.get(place.partition) ?? 0n;
      const high = ends.get(place.partition) ?? place.next;
      if (place.next >= low && place.next <= high) continue;
      const what = `${topic}/${place.partition} keeps offsets ${low} to ${high}, this reader stood at ${place.next}`;
      if (place.next < low) counters.skippedMessages += Number(low - place.next);
      place.next = low;
      this.#report(new BusError("skipped", `${what}; it goes on from ${low}`));
    }
  }

  #report(error: Error): void {
    this.#options.counters.retries++;
    this.#options.onError(error);
  }

  async close(): Promise<void> {
    if (!this.#closed.signal.aborted) this.#closed.abort();
    const gone = new BusError("closed", `the reader of ${this.#options.topic} has been closed`);
    this.#caughtUp.reject(gone);
    await this.#running;
    await this.#cluster.disconnect().catch(() => undefined);
    this.#options.onClosed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

interface FetchedPartition {
  partition: number;
  highWatermark: string;
  messages: (KafkaMessage & { isControlRecord?: boolean })[];
}

interface FetchAnswer {
  responses: { topicName: string; partitions: FetchedPartition[] }[];
}

/** The cluster of a consumer that never runs: the one public way to it. */
function clusterOf(kafka: Kafka): Cluster {
  let found: Cluster | undefined;
  kafka.consumer({
    groupId: "none",
    partitionAssigners: [
      (doors) => {
        found = doors.cluster;
        return kafkajs().PartitionAssigners.roundRobin(doors);
      },
    ],
    allowAutoTopicCreation: false,
  });
  if (!found) throw new Error("kafkajs gave no cluster; this needs kafkajs 2.2");
  return found;
}

async function offsetsOf(
  cluster: Cluster,
  topic: string,
  earliest: boolean,
): Promise<Map<number, bigint>> {
  const partitions = cluster
    .findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => ({ partition: partitionId }));
  const [offsets] = await cluster.fetchTopicsOffset([
    { topic, partitions, fromBeginning: earliest },
  ]);
  return new Map(offsets?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
}
