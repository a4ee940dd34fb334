import { brokerMissing, startBroker } from "@weir/kafka";
import type { RunningBroker } from "@weir/kafka";
import type { Bus } from "../bus.ts";
import { createKafkaBus } from "../kafka/bus.ts";
import type { KafkaBusOptions } from "../kafka/options.ts";
import { createMemoryBus } from "../memory/bus.ts";

/** A way to get a bus; every carrier of the contract has one. */
export interface Carrier {
  name: "memory" | "kafka" | "kafka, sending by platformatic";
  /** Why it cannot be tested here. */
  missing: string | undefined;
  start(): Promise<void>;
  open(): Bus;
  stop(): Promise<void>;
}

/** Short, so that a test need not wait for what users wait for. */
export const rebalanceTimeoutMs = 500;

export function carriers(): Carrier[] {
  return [
    {
      name: "memory",
      missing: undefined,
      start: () => Promise.resolve(),
      open: () => createMemoryBus({ rebalanceTimeoutMs }),
      stop: () => Promise.resolve(),
    },
    overKafka("kafka", "kafkajs"),
    overKafka("kafka, sending by platformatic", "platformatic"),
  ];
}

function overKafka(name: Carrier["name"], producer: KafkaBusOptions["producer"]): Carrier {
  let broker: RunningBroker | undefined;
  return {
    name,
    missing: brokerMissing(),
    start: async () => {
      broker = await startBroker();
    },
    open: () => {
      if (!broker) throw new Error("no broker");
      return createKafkaBus({
        brokers: [broker.address],
        producer,
        rebalanceTimeoutMs,
        sessionTimeoutMs: 6000,
        heartbeatIntervalMs: 200,
      });
    },
    stop: async () => broker?.stop(),
  };
}

let topicsMade = 0;

/** A topic name that no other test has. */
export function freshName(what: string): string {
  topicsMade++;
  return `${what}.${process.pid}.${topicsMade}`;
}

/** Waits until the check holds; fails with what it last said. */
export async function eventually(
  check: () => void | Promise<void>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
