import { createRequire } from "node:module";
import { jest } from "@jest/globals";
import { kafkajs } from "./library.ts";
import { giveBack } from "./produce-request.ts";
import type { SentRecord } from "./record-batch.ts";

const require = createRequire(import.meta.url);
const framing = "kafkajs/src/protocol/request";
const produceOf = (version: number): string =>
  `kafkajs/src/protocol/requests/produce/v${version}/request`;

type Frame = (given: object) => Promise<{ buffer: Buffer; size(): number }>;
type Produce = (task: object) => object;

const task = {
  acks: -1,
  timeout: 30_000,
  producerId: "17",
  producerEpoch: 2,
  compression: 0,
  topicData: ["flows", "événements"].map((topic) => ({
    topic,
    partitions: [0, 3].map((partition) => ({
      partition,
      firstSequence: 5,
      messages: [
        { key: "k", value: Buffer.from(`${topic} ${partition}`), headers: { h: "v" } },
        { key: null, value: null, headers: {} },
      ],
    })),
  })),
};

describe("a produce request", () => {
  it("is made here for kafkajs, byte for byte as its own encoder makes it", async () => {
    const now = jest.spyOn(Date, "now").mockReturnValue(1_790_000_000_123);
    try {
      const theirFrame = require(framing) as Frame;
      const theirProduce = require(produceOf(6)) as Produce;
      kafkajs();
      const [frame, produce] = [require(framing) as Frame, require(produceOf(7)) as Produce];
      expect(frame).not.toBe(theirFrame);
      const about = { correlationId: 9, clientId: "weir" };
      const made = await frame({ ...about, request: produce(task) });
      const request = { ...theirProduce(task), apiVersion: 7 };
      const theirs = await theirFrame({ ...about, request });
      expect(made.buffer.equals(theirs.buffer)).toBe(true);
      expect(made.size()).toBe(theirs.size());
      // So it is where kafkajs had been loaded before and frames by itself.
      const again = await theirFrame({ ...about, request: produce(task) });
      expect(again.buffer.equals(theirs.buffer)).toBe(true);
      // Everything else is left to kafkajs.
      expect((await frame({ ...about, request })).buffer.equals(theirs.buffer)).toBe(true);
    } finally {
      now.mockRestore();
    }
  });

  it("is written over by the next one only when it has been answered", async () => {
    kafkajs();
    const [frame, produce] = [require(framing) as Frame, require(produceOf(7)) as Produce];
    const about = { correlationId: 9, clientId: "weir" };
    const send = async (text: string): Promise<{ message: SentRecord; buffer: Buffer }> => {
      const message = { key: "k", value: Buffer.from(text), headers: {} };
      const topicData = [{ topic: "t", partitions: [{ partition: 0, messages: [message] }] }];
      const { buffer } = await frame({ ...about, request: produce({ ...task, topicData }) });
      return { message, buffer };
    };
    const [first, second] = [await send("first"), await send("second")];
    expect(first.buffer.includes("first")).toBe(true);
    giveBack(first.message);
    const [third, fourth] = [await send("third"), await send("fourth")];
    expect(third.buffer.buffer).toBe(first.buffer.buffer);
    expect(second.buffer.includes("second")).toBe(true);
    expect(third.buffer.includes("third")).toBe(true);
    expect(fourth.buffer.buffer).not.toBe(first.buffer.buffer);
    giveBack(first.message);
    expect((await send("fifth")).buffer.buffer).not.toBe(first.buffer.buffer);
  });
});
