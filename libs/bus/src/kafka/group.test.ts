import { brokerMissing, startBroker } from "@weir/kafka";
import type { Consumer } from "kafkajs";
import { newCounters } from "../counters.ts";
import { eventually, freshName } from "../testing/carriers.ts";
import { KafkaAdmin } from "./admin.ts";
import { createKafkaBus } from "./bus.ts";
import { kafkaClient } from "./client.ts";
import { KafkaGroupReader } from "./group.ts";
import { defaultKafkaBusOptions } from "./options.ts";

/** A consumer whose broker answers every join like this. */
function refusing(type: string): Consumer {
  return {
    events: { GROUP_JOIN: "join", REBALANCING: "rebalancing", CRASH: "crash" },
    on: () => () => undefined,
    connect: () => Promise.reject(Object.assign(new Error(`says ${type}`), { type })),
    disconnect: () => Promise.resolve(),
  } as unknown as Consumer;
}

async function joinAgainst(type: string): Promise<{ tried: number; reported: number }> {
  let tried = 0;
  let reported = 0;
  const joining = KafkaGroupReader.join(
    {
      newConsumer: () => {
        tried++;
        return refusing(type);
      },
      admin: {} as KafkaAdmin,
      bus: {
        ...defaultKafkaBusOptions,
        brokers: [],
        maxRetries: 3,
        firstRetryMs: 1,
        maxRetryMs: 2,
      },
      counters: newCounters(),
      compacted: new Set(),
      onClosed: () => undefined,
    },
    {
      ...{ group: "g", topics: ["t"], maxBatchMessages: 1 },
      onBatch: () => Promise.resolve(),
      onError: () => reported++,
    },
  );
  await expect(joining).rejects.toMatchObject({ code: "unavailable" });
  return { tried, reported };
}

describe("a member whose group is divided anew", () => {
  it("joins anew where it is never told of its share", async () => {
    const errors: string[] = [];
    const made: Record<string, (event: object) => void>[] = [];
    const newConsumer = (): Consumer => {
      const on: Record<string, (event: object) => void> = {};
      made.push(on);
      const done = (): Promise<void> => Promise.resolve();
      return {
        events: { GROUP_JOIN: "join", REBALANCING: "rebalancing", CRASH: "crash" },
        on: (name: string, listener: () => void) => (on[name] = listener),
        ...{ connect: done, subscribe: done, disconnect: done, pause: () => undefined },
        run: () => Promise.resolve(on["join"]?.({ payload: { memberAssignment: {} } })),
      } as unknown as Consumer;
    };
    await using _reader = await KafkaGroupReader.join(
      {
        newConsumer,
        admin: { positions: () => Promise.resolve([]) } as unknown as KafkaAdmin,
        bus: { ...defaultKafkaBusOptions, brokers: [], firstRetryMs: 1, stallCheckMs: 20 },
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
    expect(made).toHaveLength(1);
    made[0]?.["rebalancing"]?.({});
    await eventually(() => expect(made).toHaveLength(2));
    expect(errors).toEqual([expect.stringMatching(/gave this member nothing/)]);
  });
});

describe("joining a group", () => {
  it("is tried again, within its bounds, while the broker is still reading its groups", async () => {
    expect(await joinAgainst("GROUP_LOAD_IN_PROGRESS")).toEqual({ tried: 4, reported: 3 });
  });

  it("is not tried again where that is of no use", async () => {
    expect(await joinAgainst("GROUP_AUTHORIZATION_FAILED")).toEqual({ tried: 1, reported: 0 });
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
