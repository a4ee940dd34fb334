/** Three ways in which a real broker takes nothing: it refuses, it hangs, it answers with errors. */
import { topics } from "@weir/bus";
import { startBroker } from "@weir/kafka";
import type { RunningBroker } from "@weir/kafka";
import { join, resolve } from "node:path";
import { run } from "./process.ts";

export const waysToBeAway = ["refuse", "hang", "error"] as const;
export type WayToBeAway = (typeof waysToBeAway)[number];

const jars = resolve(import.meta.dirname, "../../../infra/kafka/build/jars");
/** Smaller than any block of flows: each send is answered with MESSAGE_TOO_LARGE. */
const tooSmallBytes = 16;
const usualBytes = 1 << 20;

/** Each returns what brings it back, and the broker that is there then. */
const ways: Record<
  WayToBeAway,
  (broker: RunningBroker, directory: string) => Promise<() => Promise<RunningBroker>>
> = {
  async refuse(broker, directory) {
    await broker.kill();
    return () => startBroker({ directory });
  },
  hang(broker) {
    process.kill(broker.pid, "SIGSTOP");
    return Promise.resolve(() => {
      process.kill(broker.pid, "SIGCONT");
      return Promise.resolve(broker);
    });
  },
  async error(broker) {
    await limitFlows(broker, tooSmallBytes);
    return async () => {
      await limitFlows(broker, usualBytes);
      return broker;
    };
  },
};

export function takeAway(
  broker: RunningBroker,
  directory: string,
  how: WayToBeAway,
): Promise<() => Promise<RunningBroker>> {
  return ways[how](broker, directory);
}

/** The most bytes that the broker takes for one message of flows. */
async function limitFlows(broker: RunningBroker, bytes: number): Promise<void> {
  const finished = await run("java", [
    ...["-cp", join(jars, "*"), "kafka.admin.ConfigCommand"],
    ...["--bootstrap-server", broker.address, "--alter"],
    ...["--entity-type", "topics", "--entity-name", topics.flows.name],
    ...["--add-config", `max.message.bytes=${bytes}`],
  ]);
  if (finished.code !== 0) throw new Error(`the broker's limit stays: ${finished.stderr}`);
}
