import type { Consumer } from "kafkajs";
import { newCounters } from "../counters.ts";
import { eventually } from "../testing/carriers.ts";
import type { KafkaAdmin } from "./admin.ts";
import { KafkaGroupReader } from "./group.ts";
import { defaultKafkaBusOptions } from "./options.ts";

describe("a member whose positions are never told", () => {
  it("joins anew: nothing is fetched before they are, and nobody else would ask again", async () => {
    const errors: string[] = [];
    const joins: (() => void)[] = [];
    let asked = 0;
    const positions = (): Promise<never[]> =>
      ++asked === 2 ? new Promise(() => undefined) : Promise.resolve([]);
    const newConsumer = (): Consumer => {
      const done = (): Promise<void> => Promise.resolve();
      const on: Record<string, (event: object) => void> = {};
      const join = (): void => on["join"]?.({ payload: { memberAssignment: { t: [0] } } });
      joins.push(join);
      return {
        events: { GROUP_JOIN: "join", REBALANCING: "rebalancing", CRASH: "crash" },
        on: (name: string, listener: () => void) => (on[name] = listener),
        ...{ connect: done, subscribe: done, disconnect: done },
        ...{ pause: () => undefined, resume: () => undefined, seek: () => undefined },
        run: () => Promise.resolve(join()),
      } as unknown as Consumer;
    };
    const bounds = (): Promise<never[]> => Promise.resolve([]);
    const bounded = { lookUpTimeoutMs: 50, stallCheckMs: 20, firstRetryMs: 1 };
    await using _reader = await KafkaGroupReader.join(
      {
        newConsumer,
        admin: { positions, bounds } as unknown as KafkaAdmin,
        bus: { ...defaultKafkaBusOptions, brokers: [], ...bounded },
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
    joins[0]?.();
    await eventually(() => expect(joins).toHaveLength(2), 3000);
    await eventually(() => expect(asked).toBe(3), 3000);
    expect(errors).toEqual([expect.stringMatching(/positions of g .* within 50 ms/)]);
  });
});
