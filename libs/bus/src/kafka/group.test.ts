import { brokerMissing, startBroker } from "@weir/kafka";
import type { Consumer } from "kafkajs";
import { newCounters } from "../counters.ts";
import { eventually, freshName } from "../testing/carriers.ts";
import { KafkaAdmin } from "./admin.ts";
import { createKafkaBus } from "./bus.ts";
import { kafkaClient } from "./client.ts";
import { KafkaGroupReader } from "./group.ts";
import { defaultKafkaBusOptions } from "./options.ts";
import type { KafkaBusOptions } from "./options.ts";

type Listeners = Record<string, ((event: object) => void) | undefined>;

/** A fake consumer: joins at once, reads nothing, and is told of more by `emit`. */
class FakeConsumer {
  readonly events = { GROUP_JOIN: "join", REBALANCING: "rebalancing", CRASH: "crash" };
  readonly #assignment: Record<string, number[]>;
  readonly #listeners: Listeners = {};

  constructor(assignment: Record<string, number[]>) {
    this.#assignment = assignment;
  }

  on(name: string, listener: (event: object) => void): void {
    this.#listeners[name] = listener;
  }

  emit(name: "join" | "rebalancing"): void {
    this.#listeners[name]?.({ payload: { memberAssignment: this.#assignment } });
  }

  async run(): Promise<void> {
    await Promise.resolve();
    this.emit("join");
  }

  async connect(): Promise<void> {}
  async subscribe(): Promise<void> {}
  async disconnect(): Promise<void> {}
  pause(): void {}
  resume(): void {}
  seek(): void {}
}

/** One that the broker lets in never. */
class RefusedConsumer extends FakeConsumer {
  readonly #type: string;

  constructor(type: string) {
    super({});
    this.#type = type;
  }

  override connect(): Promise<void> {
    return Promise.reject(Object.assign(new Error(`says ${this.#type}`), { type: this.#type }));
  }
}

interface Joined {
  reader: Promise<KafkaGroupReader>;
  consumers: FakeConsumer[];
  errors: string[];
}

function join(
  newConsumer: () => FakeConsumer,
  bus: Partial<KafkaBusOptions>,
  positions: () => Promise<never[]> = () => Promise.resolve([]),
): Joined {
  const consumers: FakeConsumer[] = [];
  const errors: string[] = [];
  const reader = KafkaGroupReader.join(
    {
      newConsumer: () => {
        const made = newConsumer();
        consumers.push(made);
        return made as unknown as Consumer;
      },
      admin: { positions, bounds: () => Promise.resolve([]) } as unknown as KafkaAdmin,
      bus: { ...defaultKafkaBusOptions, brokers: [], firstRetryMs: 1, maxRetryMs: 2, ...bus },
      counters: newCounters(),
      compacted: new Set(),
      onClosed: () => undefined,
    },
    {
      ...{ group: "g", topics: ["t"], maxBatchMessages: 1 },
      onBatch: () => Promise.resolve(),
      onError: ({ message }) => errors.push(message),
    },
  );
  return { reader, consumers, errors };
}

describe("a member whose group is divided anew", () => {
  it("joins anew where it is never told of its share", async () => {
    const { reader, consumers, errors } = join(() => new FakeConsumer({}), { stallCheckMs: 20 });
    await using _reader = await reader;
    expect(consumers).toHaveLength(1);
    consumers[0]?.emit("rebalancing");
    await eventually(() => expect(consumers).toHaveLength(2));
    expect(errors).toEqual([expect.stringMatching(/gave this member nothing/)]);
  });

  it("joins anew where its positions are never told: nothing is fetched before they are", async () => {
    let asked = 0;
    const positions = (): Promise<never[]> =>
      ++asked === 2 ? new Promise(() => undefined) : Promise.resolve([]);
    const bounds = { lookUpTimeoutMs: 50, stallCheckMs: 20 };
    const { reader, consumers, errors } = join(
      () => new FakeConsumer({ t: [0] }),
      bounds,
      positions,
    );
    await using _reader = await reader;
    consumers[0]?.emit("join");
    await eventually(() => expect(consumers).toHaveLength(2));
    await eventually(() => expect(asked).toBe(3));
    expect(errors).toEqual([expect.stringMatching(/positions of g .* within 50 ms/)]);
  });
});

describe("joining a group", () => {
  it.each([
    ["is tried again, within its bounds, while the broker", "GROUP_LOAD_IN_PROGRESS", 4],
    ["is not tried again where that is of no use, as where it", "GROUP_AUTHORIZATION_FAILED", 1],
  ])("%s says %s", async (_, type, tried) => {
    const { reader, consumers, errors } = join(() => new RefusedConsumer(type), { maxRetries: 3 });
    await expect(reader).rejects.toMatchObject({ code: "unavailable" });
    expect([consumers.length, errors.length]).toEqual([tried, tried - 1]);
  });
});

const missing = brokerMissing();
if (missing !== undefined)
  process.stderr.write(`skipped, a member that stands still: ${missing}\n`);
const onBroker = missing === undefined ? describe : describe.skip;

onBroker("a member that stands still without an error", () => {
  it("is noticed and joins anew, and reads on where it stood", async () => {
    await using stack = new AsyncDisposableStack();
    const broker = await startBroker();
    stack.defer(() => broker.stop());
    const bus = createKafkaBus({ brokers: [broker.address] });
    stack.defer(() => bus.close());
    const topic = freshName("stall");
    await bus.ensureTopics([{ name: topic, partitions: 1, compacted: false }]);
    const send = (text: string): Promise<void> =>
      bus.send(topic, [{ key: "k", value: Buffer.from(text) }]);

    const options = { ...defaultKafkaBusOptions, brokers: [broker.address], stallCheckMs: 300 };
    const consumers: Consumer[] = [];
    const admin = new KafkaAdmin(kafkaClient(options), options);
    stack.defer(() => admin.close());
    const texts: string[] = [];
    const errors: string[] = [];
    const reader: KafkaGroupReader = await KafkaGroupReader.join(
      {
        newConsumer: (groupId) => {
          const consumer = kafkaClient(options).consumer({ groupId, maxWaitTimeInMs: 100 });
          consumers.push(consumer);
          return consumer;
        },
        admin,
        bus: options,
        counters: newCounters(),
        compacted: new Set(),
        onClosed: () => undefined,
      },
      {
        ...{ group: freshName("group"), topics: [topic], maxBatchMessages: 10 },
        onBatch: async ({ messages, partition }) => {
          texts.push(...messages.map(({ value }) => Buffer.from(value ?? []).toString()));
          const offset = (messages.at(-1)?.offset ?? 0n) + 1n;
          await reader.commit([{ topic, partition, offset, metadata: "" }]);
        },
        onError: ({ message }) => errors.push(message),
      },
    );
    stack.use(reader);
    await send("one");
    await eventually(() => expect(texts).toEqual(["one"]));
    // Heartbeats go on; nothing is fetched, and nothing will ask for it again.
    consumers[0]?.pause([{ topic }]);
    await send("two");
    await send("three");
    await eventually(() => expect(texts).toEqual(["one", "two", "three"]), 30_000);
    expect(consumers).toHaveLength(2);
    expect(errors).toContainEqual(
      expect.stringMatching(/stands still at 1 of [23]; .* joins anew/),
    );
  }, 90_000);
});
