import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokerMissing, startBroker } from "@weir/kafka";
import type { RunningBroker } from "@weir/kafka";
import kafkajs from "kafkajs";
import type { Bus } from "../bus.ts";
import { BusError } from "../error.ts";
import { eventually, freshName } from "../testing/carriers.ts";
import { createKafkaBus } from "./bus.ts";
import type { KafkaBusOptions } from "./options.ts";

const missing = brokerMissing();
if (missing !== undefined)
  process.stderr.write(`skipped, the Kafka carrier's faults: ${missing}\n`);
const onBroker = missing === undefined ? describe : describe.skip;

onBroker("the Kafka carrier", () => {
  let directory: string;
  let broker: RunningBroker;
  const open: Bus[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-bus-kafka-"));
    broker = await startBroker({ directory });
  }, 90_000);
  afterEach(async () => {
    await Promise.all(open.splice(0).map((bus) => bus.close()));
  });
  afterAll(async () => {
    await broker.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const connect = (options: Partial<KafkaBusOptions> = {}): Bus => {
    const bus = createKafkaBus({
      brokers: [broker.address],
      rebalanceTimeoutMs: 1000,
      sessionTimeoutMs: 6000,
      heartbeatIntervalMs: 300,
      ...options,
    });
    open.push(bus);
    return bus;
  };
  const topicOf = async (bus: Bus, compacted = false): Promise<string> => {
    const name = freshName("faults");
    await bus.ensureTopics([{ name, partitions: 2, compacted }]);
    return name;
  };

  it("rejects to join, follow and make topics where nobody listens, within its bounds", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => {
      server.close(resolve);
    });
    const bus = connect({
      brokers: [`127.0.0.1:${port}`],
      maxRetries: 1,
      firstRetryMs: 20,
      maxRetryMs: 50,
    });
    const unavailable = { code: "unavailable" };
    const onBatch = (): Promise<void> => Promise.resolve();
    await expect(
      bus.ensureTopics([{ name: "t", partitions: 1, compacted: false }]),
    ).rejects.toMatchObject(unavailable);
    await expect(
      bus.readGroup({ group: "g", topics: ["t"], maxBatchMessages: 1, onBatch }),
    ).rejects.toMatchObject(unavailable);
    await expect(bus.readTail({ topic: "t", onBatch: () => undefined })).rejects.toMatchObject(
      unavailable,
    );
    await expect(bus.lag("g", "t")).rejects.toMatchObject(unavailable);
  }, 60_000);

  it("says why a group could not be joined when the broker goes in between", async () => {
    const bus = connect({ maxRetries: 1, firstRetryMs: 50, maxRetryMs: 100 });
    const name = await topicOf(bus);
    // The topic is known from here on: what fails is the joining.
    await bus.send(name, [{ key: "k", value: Buffer.from("x") }]);
    await broker.kill();
    try {
      const joining = bus.readGroup({
        group: freshName("group"),
        topics: [name],
        maxBatchMessages: 10,
        onBatch: () => Promise.resolve(),
      });
      await expect(joining).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringMatching(/joining group/) as string,
      });
    } finally {
      broker = await startBroker({ directory });
    }
  }, 90_000);

  it("says what retention has taken from a group and goes on after it", async () => {
    const bus = connect();
    const name = await topicOf(bus);
    const send = (from: number, count: number): Promise<void> =>
      bus.send(
        name,
        Array.from({ length: count }, (_, n) => ({ key: "k", value: Buffer.from(`${from + n}`) })),
      );
    await send(0, 20);
    const group = freshName("group");
    const texts: string[] = [];
    const errors: Error[] = [];
    const joinGroup = () =>
      bus.readGroup({
        group,
        topics: [name],
        maxBatchMessages: 5,
        onBatch: ({ messages }) => {
          texts.push(...messages.map((message) => Buffer.from(message.value ?? []).toString()));
          return Promise.resolve();
        },
        onError: (error) => errors.push(error),
      });
    const first = await joinGroup();
    await eventually(() => expect(texts).toHaveLength(20));
    const read = (await placesOf(broker, name)).find(({ high }) => high === "20");
    const partition = read?.partition ?? -1;
    await first.commit([{ topic: name, partition, offset: 5n, metadata: "intent" }]);
    await first.close();
    await deleteBefore(broker, name, partition, "12");
    texts.length = 0;
    await joinGroup();
    await eventually(() => expect(texts).toEqual(["12", "13", "14", "15", "16", "17", "18", "19"]));
    // A broker that has just been started may also have said that it reads its groups.
    const skipped = errors.filter((error) => error instanceof BusError && error.code === "skipped");
    expect(skipped.map(({ message }) => message)).toEqual([
      expect.stringMatching(/keeps offsets 12 to 20, .* stood at 5/),
    ]);
    expect(bus.counters().skippedMessages).toBe(7);
  }, 60_000);

  it("goes on where retention overtakes a group that is reading, and says so", async () => {
    const bus = connect({ maxQueuedBytes: 300_000, compression: "none" });
    const name = await topicOf(bus);
    const value = Buffer.alloc(200_000, 7);
    const group = freshName("group");
    const goOn = Promise.withResolvers<void>();
    const offsets: bigint[] = [];
    const errors: Error[] = [];
    await bus.readGroup({
      group,
      topics: [name],
      maxBatchMessages: 1,
      onBatch: async ({ messages }) => {
        offsets.push(messages[0]?.offset ?? -1n);
        await goOn.promise;
      },
      onError: (error) => errors.push(error),
    });
    for (let n = 0; n < 40; n++) await bus.send(name, [{ key: "k", value }]);
    await eventually(() => expect(offsets).toHaveLength(1));
    const partition = (await placesOf(broker, name)).find(({ high }) => high === "40")?.partition;
    await deleteBefore(broker, name, partition ?? -1, "30");
    goOn.resolve();
    await eventually(() => expect(offsets.at(-1)).toBe(39n), 60_000);
    const after = offsets.filter((offset) => offset >= 30n);
    expect(after).toEqual([30n, 31n, 32n, 33n, 34n, 35n, 36n, 37n, 38n, 39n]);
    expect(errors.some((error) => (error as { code?: string }).code === "skipped")).toBe(true);
    expect(bus.counters().skippedMessages).toBeGreaterThan(0);
  }, 90_000);
});

type Places = { partition: number; low: string; high: string }[];

async function placesOf(broker: RunningBroker, topic: string): Promise<Places> {
  return asAdmin(broker, (admin) => admin.fetchTopicOffsets(topic));
}

/** What retention does after a day, at once. */
async function deleteBefore(
  broker: RunningBroker,
  topic: string,
  partition: number,
  offset: string,
): Promise<void> {
  await asAdmin(broker, async (admin) => {
    // kafkajs looks for the leader before it has asked who that is.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset }] });
  });
}

async function asAdmin<T>(
  broker: RunningBroker,
  work: (admin: ReturnType<InstanceType<typeof kafkajs.Kafka>["admin"]>) => Promise<T>,
): Promise<T> {
  const kafka = new kafkajs.Kafka({
    brokers: [broker.address],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
