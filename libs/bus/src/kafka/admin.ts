import type { Admin, Kafka } from "kafkajs";
import type { Position, TopicSpec } from "../bus.ts";
import { BusError } from "../error.ts";
import { unavailable } from "./client.ts";
import { kafkajs } from "./library.ts";
import type { KafkaBusOptions } from "./options.ts";

export interface PartitionBounds {
  partition: number;
  /** Offset of the oldest message, and of the next one to come. */
  low: bigint;
  high: bigint;
}

/** Topics and offsets. Connects when it is needed, and anew after trouble. */
export class KafkaAdmin {
  readonly #kafka: Kafka;
  readonly #options: KafkaBusOptions;
  #admin: Promise<Admin> | undefined;

  constructor(kafka: Kafka, options: KafkaBusOptions) {
    this.#kafka = kafka;
    this.#options = options;
  }

  /** Creates what is missing. Two processes may do it at once. */
  async ensureTopics(topics: TopicSpec[]): Promise<void> {
    await this.#use("making topics", async (admin) => {
      const missing = await missingOf(admin, topics);
      if (missing.length === 0) return;
      try {
        await admin.createTopics({
          waitForLeaders: true,
          topics: missing.map((topic) => ({
            topic: topic.name,
            numPartitions: topic.partitions,
            replicationFactor: this.#options.replicationFactor,
            configEntries: this.#configOf(topic),
          })),
        });
      } catch (error) {
        // Somebody else was faster, which is as good.
        if ((await missingOf(admin, topics)).length > 0) throw error;
      }
    });
  }

  #configOf(topic: TopicSpec): { name: string; value: string }[] {
    const config: Record<string, string> = {
      "cleanup.policy": topic.compacted ? "compact" : "delete",
      "max.message.bytes": String(this.#options.maxMessageBytes),
    };
    if (topic.compacted) {
      // Small topics: roll and clean often enough that a table stays as short as its keys.
      config["segment.ms"] = "3600000";
      config["min.cleanable.dirty.ratio"] = "0.2";
    } else if (topic.retentionMs !== undefined) {
      config["retention.ms"] = String(topic.retentionMs);
    }
    return Object.entries(config).map(([name, value]) => ({ name, value }));
  }

  /** What the group has committed; offset -1n where nothing. */
  positions(group: string, topics: string[]): Promise<Position[]> {
    return this.#use("reading positions", async (admin) => {
      const stored = await admin.fetchOffsets({ groupId: group, topics });
      return stored.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata }) => ({
          topic,
          partition,
          offset: BigInt(offset) < 0n ? -1n : BigInt(offset),
          metadata: metadata ?? "",
        })),
      );
    });
  }

  bounds(topic: string): Promise<PartitionBounds[]> {
    return this.#use("reading offsets", async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets.map(({ partition, low, high }) => ({
        partition,
        low: BigInt(low),
        high: BigInt(high),
      }));
    });
  }

  /** Whether the topic is compacted. Throws BusError `unknown_topic` where it is not there. */
  isCompacted(topic: string): Promise<boolean> {
    return this.#use(`looking at topic ${topic}`, async (admin) => {
      if (!(await admin.listTopics()).includes(topic)) {
        throw new BusError("unknown_topic", `no topic ${topic}: call ensureTopics first`);
      }
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [
          {
            type: kafkajs().ConfigResourceTypes.TOPIC,
            name: topic,
            configNames: ["cleanup.policy"],
          },
        ],
      });
      const policy = resources[0]?.configEntries.find(
        (entry) => entry.configName === "cleanup.policy",
      );
      return policy?.configValue.includes("compact") ?? false;
    });
  }

  async #use<T>(doing: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    this.#admin ??= this.#connect();
    const connecting = this.#admin;
    try {
      return await work(await connecting);
    } catch (error) {
      if (this.#admin === connecting && !(error instanceof BusError)) await this.close();
      throw unavailable(this.#options, doing, error);
    }
  }

  async #connect(): Promise<Admin> {
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      await admin.disconnect().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await admin?.then((old) => old.disconnect()).catch(() => undefined);
  }
}

async function missingOf(admin: Admin, topics: TopicSpec[]): Promise<TopicSpec[]> {
  const known = new Set(await admin.listTopics());
  return topics.filter((topic) => !known.has(topic.name));
}
