import type { Consumer } from "kafkajs";
import { newCounters } from "../counters.ts";
import type { KafkaAdmin } from "./admin.ts";
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

describe("joining a group", () => {
  it("is tried again, within its bounds, while the broker is still reading its groups", async () => {
    expect(await joinAgainst("GROUP_LOAD_IN_PROGRESS")).toEqual({ tried: 4, reported: 3 });
  });

  it("is not tried again where that is of no use", async () => {
    expect(await joinAgainst("GROUP_AUTHORIZATION_FAILED")).toEqual({ tried: 1, reported: 0 });
  });
});
