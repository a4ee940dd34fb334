import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { brokerMissing, startBroker } from "@weir/kafka";
import type { RunningBroker } from "@weir/kafka";
import type { Bus } from "../bus.ts";
import { eventually, freshName } from "../testing/carriers.ts";
import { createKafkaBus } from "./bus.ts";
import type { KafkaBusOptions } from "./options.ts";

const missing = brokerMissing();
if (missing !== undefined) process.stderr.write(`skipped, sending to Kafka: ${missing}\n`);
const onBroker = missing === undefined ? describe : describe.skip;

onBroker.each(["kafkajs", "platformatic"] as const)("sending to Kafka by %s", (producer) => {
  let directory: string;
  let broker: RunningBroker;
  const open: Bus[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-bus-sending-"));
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
      producer,
      rebalanceTimeoutMs: 1000,
      sessionTimeoutMs: 6000,
      heartbeatIntervalMs: 300,
      ...options,
    });
    open.push(bus);
    return bus;
  };
  const topicOf = async (bus: Bus, compacted = false, partitions = 2): Promise<string> => {
    const name = freshName("sending");
    await bus.ensureTopics([{ name, partitions, compacted }]);
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
    const child = spawn(process.execPath, [script, broker.address, producer], { stdio: "pipe" });
    let screen = "";
    child.stdout.on("data", (chunk: Buffer) => (screen += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (screen += chunk.toString()));
    const code = await new Promise((resolve) => {
      child.once("close", resolve);
    });
    expect({ screen, code }).toEqual({ screen: "done\n", code: 0 });
  }, 60_000);

  it("loses, repeats and reorders nothing when the broker hangs longer than a request may take", async () => {
    const bus = connect({ requestTimeoutMs: 1000, firstRetryMs: 100, maxRetryMs: 500 });
    const name = await topicOf(bus, false, 1);
    const send = (n: number): Promise<void> =>
      bus.send(name, [{ key: "k", value: Buffer.from(`${n} `.repeat(2000)) }]);
    await send(0);
    process.kill(broker.pid, "SIGSTOP");
    const sends = Promise.all([1, 2, 3, 4, 5].map((n) => send(n)));
    await pause(3000);
    process.kill(broker.pid, "SIGCONT");
    await sends;
    for (let n = 6; n < 10; n++) await send(n);
    const got: string[] = [];
    await bus.readGroup({
      group: freshName("group"),
      topics: [name],
      maxBatchMessages: 100,
      onBatch: ({ messages }) => {
        got.push(...messages.map((message) => Buffer.from(message.value ?? []).toString()));
        return Promise.resolve();
      },
    });
    await eventually(() => expect(got.at(-1)).toBe("9 ".repeat(2000)));
    expect(got).toEqual(Array.from({ length: 10 }, (_, n) => `${n} `.repeat(2000)));
  }, 60_000);

  it("numbers the batches of one producer, so that the broker takes a repeat for one", async () => {
    const bus = connect();
    const name = await topicOf(bus, false, 1);
    const messages = [1, 2, 3].map((n) => ({ key: "k", value: Buffer.from(String(n)) }));
    for (let n = 0; n < 4; n++) await bus.send(name, messages);
    const stored = batchesOf(directory, name);
    expect(stored.map(({ firstSequence }) => firstSequence)).toEqual([0, 3, 6, 9]);
    const [producerId] = stored.map((batch) => batch.producerId);
    expect(producerId).toBeGreaterThanOrEqual(0n);
    expect(stored.every((batch) => batch.producerId === producerId)).toBe(true);
    expect(stored.every((batch) => batch.packing === 4)).toBe(true);
  }, 60_000);

  it("does not number batches of compacted topics: an emptied one would hold readers up", async () => {
    const bus = connect();
    const name = await topicOf(bus, true, 1);
    await bus.send(name, [{ key: "k", value: Buffer.from("x") }]);
    expect(batchesOf(directory, name)).toMatchObject([{ producerId: -1n }]);
  }, 60_000);
});

/** Of a topic with one partition, as the broker has them in its files. */
function batchesOf(
  directory: string,
  topic: string,
): { producerId: bigint; firstSequence: number; packing: number }[] {
  const folder = join(directory, "data", `${topic}-0`);
  const log = readdirSync(folder).find((file) => file.endsWith(".log"));
  const bytes = readFileSync(join(folder, log ?? ""));
  const found = [];
  for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    found.push({
      producerId: bytes.readBigInt64BE(at + 43),
      firstSequence: bytes.readInt32BE(at + 53),
      packing: bytes.readInt16BE(at + 21) & 7,
    });
  }
  return found;
}
