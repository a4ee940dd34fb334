import type { Bus, GroupReader } from "../bus.ts";
import { eventually } from "../testing/carriers.ts";
import { createMemoryBus } from "./bus.ts";

const flows = { name: "flows", partitions: 1, compacted: false };
const kilobyte = new Uint8Array(1000);

describe("the bounds of the memory bus", () => {
  let bus: Bus;
  afterEach(() => bus.close());

  const start = async (options: Parameters<typeof createMemoryBus>[0]): Promise<void> => {
    bus = createMemoryBus({ rebalanceTimeoutMs: 200, ...options });
    await bus.ensureTopics([flows, { ...flows, name: "table", compacted: true }]);
  };
  const send = (count: number): Promise<void> =>
    bus.send(
      flows.name,
      Array.from({ length: count }, () => ({ key: "k", value: kilobyte })),
    );

  const hold = (
    onBatch: (reader: GroupReader, last: bigint) => Promise<void>,
  ): Promise<GroupReader> => {
    const joined = bus.readGroup({
      group: "slow",
      topics: [flows.name],
      maxBatchMessages: 10,
      onBatch: async ({ messages }) => onBatch(await joined, messages.at(-1)?.offset ?? 0n),
    });
    return joined;
  };

  it("makes a send wait for a group that does not commit, and loses nothing", async () => {
    await start({ maxPartitionBytes: 50_000 });
    const goOn = Promise.withResolvers<void>();
    let read = 0n;
    await hold(async (reader, last) => {
      await goOn.promise;
      expect(last).toBeGreaterThanOrEqual(read);
      read = last;
      await reader.commit([{ topic: flows.name, partition: 0, offset: last + 1n, metadata: "" }]);
    });
    let sent = 0;
    const sending = (async () => {
      for (let round = 0; round < 20; round++) {
        await send(10);
        sent += 10;
      }
    })();
    await eventually(() => expect(sent).toBe(40));
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    expect(sent).toBe(40);
    expect(bus.counters().inFlightBytes).toBeGreaterThan(0);
    goOn.resolve();
    await sending;
    await eventually(async () => expect(await bus.lag("slow", flows.name)).toBe(0n));
    expect(read).toBe(199n);
    expect(bus.counters()).toMatchObject({
      expiredMessages: 0,
      skippedMessages: 0,
      readMessages: 200,
    });
  });

  it("rejects the send when it has waited long enough, naming the group that holds it up", async () => {
    await start({ maxPartitionBytes: 20_000, sendTimeoutMs: 100 });
    await hold(() => new Promise(() => undefined));
    await send(10);
    await expect(send(10)).rejects.toMatchObject({
      code: "full",
      message: expect.stringMatching(/group slow has committed up to 0 only/),
    });
    expect(bus.counters().refusedMessages).toBe(10);
  });

  it("holds for a group whose members have gone, too", async () => {
    await start({ maxPartitionBytes: 20_000, sendTimeoutMs: 100 });
    const reader = await hold(() => Promise.resolve());
    await reader.close();
    await send(10);
    await expect(send(10)).rejects.toMatchObject({ code: "full" });
  });

  it("lets the oldest go where no group reads, and counts them", async () => {
    await start({ maxPartitionBytes: 20_000 });
    for (let round = 0; round < 10; round++) await send(10);
    const { sentMessages, expiredMessages } = bus.counters();
    expect(sentMessages).toBe(100);
    expect(expiredMessages).toBeGreaterThanOrEqual(80);
    expect(await bus.lag("later", flows.name)).toBe(BigInt(100 - expiredMessages));
  });

  it("refuses at once what would never fit", async () => {
    await start({ maxPartitionBytes: 5000 });
    await expect(send(10)).rejects.toMatchObject({ code: "too_large" });
  });

  it("refuses a new key when a compacted topic is full of live ones, and takes changes of old ones", async () => {
    await start({ maxPartitionBytes: 12_000, sendTimeoutMs: 50 });
    const set = (key: string): Promise<void> => bus.send("table", [{ key, value: kilobyte }]);
    for (let index = 0; index < 10; index++) await set(`k${index}`);
    await expect(set("one more")).rejects.toMatchObject({
      code: "full",
      message: expect.stringMatching(/a record for every key; raise maxPartitionBytes/),
    });
    for (let index = 0; index < 50; index++) await set(`k${index % 3}`);
    await bus.send("table", [{ key: "k9", value: null }]);
    await set("one more");
  });

  it("lets no more bytes into send than maxInFlightBytes, in order", async () => {
    await start({ maxPartitionBytes: 1 << 20, maxInFlightBytes: 3000 });
    const seen: string[] = [];
    await bus.readTail({
      topic: flows.name,
      onBatch: ({ messages }) =>
        void seen.push(...messages.map((message) => message.headers.n ?? "")),
    });
    const sends = Array.from({ length: 30 }, (_, n) =>
      bus.send(flows.name, [{ key: "k", value: kilobyte, headers: { n: String(n) } }]),
    );
    await new Promise((resolve) => {
      queueMicrotask(() => resolve(undefined));
    });
    expect(bus.counters().inFlightBytes).toBeLessThanOrEqual(3000);
    await Promise.all(sends);
    await eventually(() => expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => String(n))));
  });

  it("tells a tail what went before it was read", async () => {
    await start({ maxPartitionBytes: 10_000 });
    const errors: Error[] = [];
    let read = 0;
    await bus.readTail({
      topic: flows.name,
      onBatch: ({ messages }) => {
        read += messages.length;
      },
      onError: (error) => errors.push(error),
    });
    // All of it within one turn of the event loop: the tail has no chance.
    await Promise.all(Array.from({ length: 50 }, () => send(1)));
    await eventually(() => expect(read + bus.counters().skippedMessages).toBe(50));
    expect(bus.counters().skippedMessages).toBeGreaterThan(0);
    expect(errors[0]).toMatchObject({
      code: "skipped",
      message: expect.stringMatching(/went before they were read/),
    });
  });

  it("wakes a waiting send when the bus is closed", async () => {
    await start({ maxPartitionBytes: 20_000 });
    await hold(() => new Promise(() => undefined));
    await send(10);
    const waiting = send(10);
    const refused = expect(waiting).rejects.toMatchObject({ code: "closed" });
    await bus.close();
    await refused;
  });
});
