import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "@weir/bus";

/** A bus that keeps what is sent to one topic for a while first, as a carrier far away would. */
export function slowBus(bus: Bus, slowTopic: string, delayMs: () => number): Bus {
  return {
    kind: bus.kind,
    counters: () => bus.counters(),
    ensureTopics: (topics) => bus.ensureTopics(topics),
    async send(topic, messages) {
      if (topic === slowTopic && delayMs() > 0) await sleep(delayMs());
      await bus.send(topic, messages);
    },
    readGroup: (options) => bus.readGroup(options),
    readTable: (options) => bus.readTable(options),
    readTail: (options) => bus.readTail(options),
    lag: (group, topic) => bus.lag(group, topic),
    close: () => bus.close(),
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}
