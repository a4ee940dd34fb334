import type { Batch, Bus, GroupReader, Message, Position, TopicSpec } from "../../bus.ts";
import { freshName } from "../carriers.ts";

/** What a test of the contract works with: a bus of its own and short ways to use it. */
export interface Bench {
  readonly bus: Bus;
  /** Makes a topic no other test has; one partition, not compacted, unless it says so. */
  topic(spec?: Partial<TopicSpec>): Promise<string>;
  /** Reads in a group and keeps what it gets; commits only what `handle` commits. */
  collect(
    topics: string[],
    group?: string,
    maxBatchMessages?: number,
    handle?: (batch: Batch, reader: GroupReader) => Promise<void>,
  ): Promise<{ reader: GroupReader; got: Collected; group: string }>;
}

export class Collected {
  readonly messages: Message[] = [];
  readonly batches: Batch[] = [];
  readonly assignments: Position[][] = [];
  readonly errors: Error[] = [];

  texts(): (string | null)[] {
    return this.messages.map((message) => text(message.value));
  }

  take(batch: Batch): void {
    this.batches.push(batch);
    this.messages.push(...batch.messages);
  }
}

export function createBench(current: () => Bus): Bench {
  return {
    get bus() {
      return current();
    },
    async topic(spec = {}) {
      const name = spec.name ?? freshName("topic");
      await current().ensureTopics([{ partitions: 1, compacted: false, ...spec, name }]);
      return name;
    },
    async collect(topics, group = freshName("group"), maxBatchMessages = 500, handle) {
      const got = new Collected();
      const joined = Promise.withResolvers<GroupReader>();
      const reader = await current().readGroup({
        group,
        topics,
        maxBatchMessages,
        onAssigned: ({ positions }) => {
          got.assignments.push(positions);
        },
        onBatch: async (batch) => {
          got.take(batch);
          await handle?.(batch, await joined.promise);
        },
        onError: (error) => got.errors.push(error),
      });
      joined.resolve(reader);
      return { reader, got, group };
    },
  };
}

export const text = (value: Uint8Array | null): string | null =>
  value === null ? null : Buffer.from(value).toString("utf8");

export const bytes = (value: string): Uint8Array => Buffer.from(value);

export const never = (): Promise<void> => new Promise(() => undefined);

export const sorted = (texts: (string | null)[]): string[] =>
  texts.map(String).sort((a, b) => a.localeCompare(b));

/** The position after a batch. */
export function after(batch: Batch, metadata = ""): Position[] {
  const { topic, partition } = batch;
  return [{ topic, partition, offset: (batch.messages.at(-1)?.offset ?? 0n) + 1n, metadata }];
}
