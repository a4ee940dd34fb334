import { describe, expect, it } from "@jest/globals";
import type { Message } from "@weir/bus";
import { gatherBatch, gatherReplay } from "./gather.ts";
import { formatIntent, parseIntent } from "./intent.ts";
import { messageBytes, PartitionQueue } from "./queue.ts";

function message(offset: number, bytes = 10): Message {
  return {
    topic: "t",
    partition: 0,
    offset: BigInt(offset),
    key: null,
    value: new Uint8Array(bytes),
    timestampMs: 0,
    headers: {},
  };
}

/** A small deterministic generator, so that a failing case can be run again. */
function randomInts(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const wide = { maxMessages: 1e6, maxBytes: 1e9 };
const never = (): boolean => false;
const always = (): boolean => true;

describe("gathering a batch", () => {
  it("cuts any stream into batches within bounds, in order, nothing missing, nothing twice", async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomInts(seed);
      const bounds = { maxMessages: 1 + random(6), maxBytes: 100 + random(600), maxWaitMs: 1 };
      const queue = new PartitionQueue(wide);
      const sent: bigint[] = [];
      let offset = random(5);
      for (let chunk = random(8); chunk >= 0; chunk--) {
        const messages = Array.from({ length: random(7) }, () => {
          offset += 1 + (random(4) === 0 ? random(3) : 0);
          sent.push(BigInt(offset));
          return message(offset, random(300));
        });
        void queue.push(messages);
      }
      const got: bigint[] = [];
      for (;;) {
        const batch = await gatherBatch(queue, bounds, always);
        if (batch.length === 0) break;
        const bytes = batch.reduce((sum, one) => sum + messageBytes(one), 0);
        expect(batch.length).toBeLessThanOrEqual(bounds.maxMessages);
        if (batch.length > 1) expect(bytes).toBeLessThanOrEqual(bounds.maxBytes);
        got.push(...batch.map((one) => one.offset));
      }
      expect(got).toEqual(sent);
      expect([queue.messages, queue.bytes]).toEqual([0, 0]);
    }
  });

  it("gives the very same batch again for an intent, whatever today's chunks and bounds are", async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomInts(seed);
      const stream = Array.from({ length: 40 }, (_, index) => message(index * 2));
      const first = random(30);
      const length = 1 + random(9);
      const lost = stream.slice(first, first + length);
      const intent = { first: lost[0]?.offset ?? 0n, last: lost.at(-1)?.offset ?? 0n };
      const queue = new PartitionQueue({ maxMessages: 1 + random(3), maxBytes: 100 });
      const replaying = gatherReplay(queue, intent, never);
      for (let at = first; at < stream.length;) {
        const chunk = 1 + random(5);
        void queue.push(stream.slice(at, at + chunk));
        at += chunk;
      }
      expect(await replaying).toEqual(lost);
      expect(queue.peek()?.message.offset).toBe(stream[first + length]?.offset);
    }
  });

  it("waits for what is missing of a replayed batch instead of handing over less", async () => {
    const queue = new PartitionQueue(wide);
    let stopping = false;
    const replaying = gatherReplay(queue, { first: 5n, last: 7n }, () => stopping);
    await queue.push([message(5), message(6)]);
    let settled = false;
    void replaying.then(() => (settled = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(settled).toBe(false);
    stopping = true;
    queue.wake();
    expect(await replaying).toBeUndefined();
  });

  it("takes what compaction left of a replayed batch", async () => {
    const queue = new PartitionQueue(wide);
    await queue.push([message(6), message(9)]);
    const batch = await gatherReplay(queue, { first: 5n, last: 7n }, never);
    expect(batch?.map((one) => one.offset)).toEqual([6n]);
  });

  it("does not hold a message longer than the wait", async () => {
    const queue = new PartitionQueue(wide);
    await queue.push([message(1)]);
    const batch = await gatherBatch(
      queue,
      { maxMessages: 10, maxBytes: 1e6, maxWaitMs: 20 },
      never,
    );
    expect(batch).toHaveLength(1);
  });
});

describe("the queue of a partition", () => {
  it("holds the carrier back while it is full, and lets it go on when there is room", async () => {
    const queue = new PartitionQueue({ maxMessages: 3, maxBytes: 1e6 });
    let pushed = false;
    const pushing = queue.push([message(1), message(2), message(3), message(4)]);
    void pushing.then(() => (pushed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(pushed).toBe(false);
    queue.shift();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pushed).toBe(false);
    queue.shift();
    await pushing;
    expect(queue.messages).toBe(2);
  });

  it("is bounded in bytes as well", async () => {
    const queue = new PartitionQueue({ maxMessages: 100, maxBytes: 500 });
    let pushed = false;
    void queue.push([message(1, 600)]).then(() => (pushed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(pushed).toBe(false);
    queue.shift();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pushed).toBe(true);
  });
});

describe("the intent", () => {
  it("survives being written down", () => {
    const intent = { first: 12n, last: 9_007_199_254_740_993n };
    expect(parseIntent(formatIntent(intent))).toEqual(intent);
    expect(formatIntent({ first: 2n ** 62n, last: 2n ** 62n }).length).toBeLessThan(1024);
  });

  it("is not read out of anything else", () => {
    for (const text of ["", "batch", "batch 5-4", "batch -1-2", "batch 1-2 ", "x".repeat(2000)]) {
      expect(parseIntent(text)).toBeUndefined();
    }
  });
});
