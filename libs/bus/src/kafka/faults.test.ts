import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokerMissing, startBroker } from "@weir/kafka";
import type { RunningBroker } from "@weir/kafka";
import kafkajs from "kafkajs";
import type { Bus } from "../bus.ts";
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

  it("goes on by itself when the broker comes back after kill -9: nothing missing, order kept", async () => {
    const bus = connect();
    const name = await topicOf(bus);
    const tableName = await topicOf(bus, true);
    const group = freshName("group");
    const errors: Error[] = [];
    const got: number[] = [];
    const state = new Map<string, string>();
    const tailed: number[] = [];
    const reader = await bus.readGroup({
      group,
      topics: [name],
      maxBatchMessages: 20,
      onBatch: async ({ topic, partition, messages }) => {
        for (const { value } of messages) got.push(Number(Buffer.from(value ?? []).toString()));
        const offset = (messages.at(-1)?.offset ?? 0n) + 1n;
        await reader.commit([{ topic, partition, offset, metadata: "" }]);
      },
      onError: (error) => errors.push(error),
    });
    await bus.readTable({
      topic: tableName,
      onRecord: (key, value) => state.set(key, Buffer.from(value ?? []).toString()),
      onError: (error) => errors.push(error),
    });
    await bus.readTail({
      topic: name,
      onBatch: ({ messages }) => {
        for (const { value } of messages) tailed.push(Number(Buffer.from(value ?? []).toString()));
      },
      onError: (error) => errors.push(error),
    });
    const acknowledged: number[] = [];
    const sending = new AbortController();
    const sender = (async () => {
      for (let number = 0; !sending.signal.aborted; number++) {
        const value = Buffer.from(String(number));
        for (let sent = false; !sent;) {
          sent = await bus.send(name, [{ key: "node", value }]).then(
            () => true,
            () => false,
          );
        }
        acknowledged.push(number);
        await bus.send(tableName, [{ key: "newest", value }]).catch(() => undefined);
      }
    })();
    await eventually(() => expect(got.length).toBeGreaterThan(50));
    await broker.kill();
    broker = await startBroker({ directory });
    const before = acknowledged.length;
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(before + 50), 60_000);
    sending.abort();
    await sender;
    const last = acknowledged.at(-1) as number;
    await eventually(() => expect(got).toContain(last), 60_000);
    await eventually(() => expect(tailed).toContain(last), 60_000);
    await eventually(() => expect(state.get("newest")).toBe(String(last)), 60_000);
    // Every number, the first time each is read in order: repeats are allowed, gaps are not.
    const firsts = got.filter((number, index) => got.indexOf(number) === index);
    expect(firsts).toEqual(Array.from({ length: last + 1 }, (_, number) => number));
    await eventually(async () => expect(await bus.lag(group, name)).toBe(0n), 60_000);
    expect(errors.length).toBeGreaterThan(0);
    expect(bus.counters().retries).toBeGreaterThan(0);
  }, 180_000);

  it("rejects a send within its bounds when the broker is away, and sends again when it is back", async () => {
    const bus = connect({ maxRetries: 2, firstRetryMs: 50, maxRetryMs: 200 });
    const name = await topicOf(bus);
    await bus.send(name, [{ key: "k", value: Buffer.from("before") }]);
    await broker.kill();
    const away = bus.send(name, [{ key: "k", value: Buffer.from("away") }]);
    await expect(away).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(
        /sending to .* failed: .*see that Kafka answers at 127\.0\.0\.1:/,
      ),
    });
    expect(bus.counters().inFlightBytes).toBe(0);
    broker = await startBroker({ directory });
    await eventually(() => bus.send(name, [{ key: "k", value: Buffer.from("after") }]), 30_000);
    const texts: string[] = [];
    await bus.readGroup({
      group: freshName("group"),
      topics: [name],
      maxBatchMessages: 10,
      onBatch: ({ messages }) => {
        texts.push(...messages.map((message) => Buffer.from(message.value ?? []).toString()));
        return Promise.resolve();
      },
    });
    await eventually(() => expect(texts).toEqual(["before", "after"]));
  }, 120_000);

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
    expect(errors[0]).toMatchObject({
      code: "skipped",
      message: expect.stringMatching(/keeps offsets 12 to 20, .* stood at 5/),
    });
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

  it.each(["none", "gzip", "zstd"] as const)(
    "carries messages packed with %s",
    async (compression) => {
      const bus = connect({ compression });
      const name = await topicOf(bus);
      const value = Buffer.from("flow ".repeat(5000));
      await bus.send(
        name,
        Array.from({ length: 50 }, () => ({ key: "k", value })),
      );
      let sum = 0;
      let group: number[] = [];
      await bus.readGroup({
        group: freshName("group"),
        topics: [name],
        maxBatchMessages: 7,
        onBatch: ({ messages }) => {
          for (const message of messages)
            expect(value.compare(message.value ?? value.subarray(1))).toBe(0);
          group = [...group, messages.length];
          return Promise.resolve();
        },
      });
      await bus.readTable({
        topic: name,
        onRecord: (_, read) => {
          sum += read?.length ?? 0;
        },
      });
      await eventually(() => expect(group.reduce((all, one) => all + one, 0)).toBe(50));
      await eventually(() => expect(sum).toBe(50 * value.length));
    },
    60_000,
  );

  it("keeps the order of sends that nobody waited for, and sends them in few requests", async () => {
    const bus = connect();
    const name = await topicOf(bus);
    const sends = Array.from({ length: 500 }, (_, n) =>
      bus.send(name, [{ key: "k", value: Buffer.from(String(n)) }]),
    );
    await Promise.all(sends);
    const got: number[] = [];
    await bus.readGroup({
      group: freshName("group"),
      topics: [name],
      maxBatchMessages: 100,
      onBatch: ({ messages }) => {
        got.push(...messages.map((message) => Number(Buffer.from(message.value ?? []).toString())));
        return Promise.resolve();
      },
    });
    await eventually(() => expect(got).toEqual(Array.from({ length: 500 }, (_, n) => n)));
  }, 60_000);

  it("prints nothing, no warning of Node either", async () => {
    const script = new URL("../testing/quiet.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [script, broker.address], { stdio: "pipe" });
    let screen = "";
    child.stdout.on("data", (chunk: Buffer) => (screen += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (screen += chunk.toString()));
    const code = await new Promise((resolve) => {
      child.once("close", resolve);
    });
    expect({ screen, code }).toEqual({ screen: "done\n", code: 0 });
  }, 60_000);
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
