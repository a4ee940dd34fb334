import { describe, expect, it } from "@jest/globals";
import { createMemoryBus } from "@weir/bus";
import type { Bus, GroupOptions, GroupReader, Message, Position } from "@weir/bus";
import { createMetrics, silentLog } from "@weir/runtime";
import { defineFunction } from "./define.ts";
import { formatIntent } from "./intent.ts";
import { startFunction } from "./running.ts";

const INPUT = "in.v1";

/** A group that is divided when the test says so; every commit is taken. */
function dividedByHand(): { bus: Bus; group: () => GroupOptions; commits: Position[] } {
  let options: GroupOptions | undefined;
  const commits: Position[] = [];
  const reader: GroupReader = {
    commit: (positions) => Promise.resolve(void commits.push(...positions)),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const readGroup = (asked: GroupOptions): Promise<GroupReader> => {
    options = asked;
    return Promise.resolve(reader);
  };
  const group = (): GroupOptions => {
    if (!options) throw new Error("nobody has joined");
    return options;
  };
  return { bus: { ...createMemoryBus(), readGroup }, group, commits };
}

function messagesOf(first: number, last: number): Message[] {
  return Array.from({ length: last - first + 1 }, (_, at) => ({
    ...{ topic: INPUT, partition: 0, offset: BigInt(first + at), timestampMs: 0 },
    ...{ key: "k", value: new Uint8Array(), headers: {} },
  }));
}

describe("two assignments at once", () => {
  it("leave the partition to the later one, which loses nothing of what it was given", async () => {
    const { bus, group, commits } = dividedByHand();
    const inHand = Promise.withResolvers<void>();
    const handled: bigint[][] = [];
    const definition = defineFunction<null>({
      ...{ name: "probe", input: INPUT, outputs: [] },
      // Only full batches go by themselves; `stop` flushes the rest.
      batch: { maxMessages: 4, maxBytes: 1e6, maxWaitMs: 60_000 },
      retry: { maxAttempts: 2, firstDelayMs: 1, maxDelayMs: 4 },
      start: () => ({
        async handle({ messages }) {
          handled.push(messages.map(({ offset }) => offset));
          if (handled.length === 1) await inHand.promise;
        },
      }),
    });
    const doors = { bus, services: null, log: silentLog(), metrics: createMetrics("test") };
    const running = await startFunction(definition, doors);
    const place = { topic: INPUT, partition: 0 };
    const assign = async (offset: bigint, metadata = ""): Promise<void> =>
      group().onAssigned?.({ positions: [{ ...place, offset, metadata }] });
    const deliver = (first: number, last: number): Promise<void> =>
      group().onBatch({ ...place, messages: messagesOf(first, last) });

    await assign(0n);
    await deliver(0, 3);
    while (handled.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    // The first of the two looked its positions up before the batch in hand was committed.
    const earlier = assign(0n, formatIntent({ first: 0n, last: 3n }));
    const later = assign(4n).then(() => deliver(4, 5));
    await new Promise((resolve) => setImmediate(resolve));
    inHand.resolve();
    await Promise.all([earlier, later]);
    await deliver(6, 6);
    await running.stop();
    expect(handled).toEqual([
      [0n, 1n, 2n, 3n],
      [4n, 5n, 6n],
    ]);
    expect(commits.at(-1)).toMatchObject({ offset: 7n, metadata: "" });
  });
});
