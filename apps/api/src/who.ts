import { type Bus, topics } from "@weir/bus";
import { workloadCodec } from "@weir/codec";
import { IdentityIndex } from "@weir/identity";
import type { Log } from "@weir/runtime";

/** How often workloads that ended long ago are forgotten. */
const pruneIntervalMs = 60_000;

/** Who has which address, followed from the bus. */
export interface Who extends AsyncDisposable {
  readonly index: IdentityIndex;
  readonly caughtUp: Promise<void>;
}

export async function followWorkloads(bus: Bus, log: Log): Promise<Who> {
  const index = new IdentityIndex();
  const reader = await bus.readTable({
    topic: topics.workloads.name,
    onError: (error) => log.warn({ error }, "the workloads are interrupted"),
    onRecord(key, value, message) {
      try {
        const workload = value === null ? null : workloadCodec.decode(value);
        index.applyRecord(key, workload, message.timestampMs * 1000);
      } catch (error) {
        log.warn({ error, key }, "a workload cannot be read; it is left out");
      }
    },
  });
  const timer = setInterval(() => index.prune(Date.now() * 1000), pruneIntervalMs);
  timer.unref();
  return {
    index,
    caughtUp: reader.caughtUp,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await reader.close();
    },
  };
}
