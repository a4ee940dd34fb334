import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { workloadCodec } from "@weir/codec";
import { IdentityIndex } from "@weir/identity";
import type { Log, Metrics } from "@weir/runtime";

export interface IdentityTable extends AsyncDisposable {
  readonly index: IdentityIndex;
  close(): Promise<void>;
}

const PRUNE_EVERY_MS = 10_000;

/** Follows the table of workloads; resolves when everything that was in it is in the index. */
export async function followIdentity(
  bus: Bus,
  bounds: { tombstoneKeepMs: number; maxWorkloads: number },
  doors: { log: Log; metrics: Metrics },
): Promise<IdentityTable> {
  const index = new IdentityIndex(bounds);
  const counters = doors.metrics.part("identity");
  const size = doors.metrics.gauge("identity_workloads", "Workloads held, ended ones included.");
  const reader = await bus.readTable({
    topic: topics.workloads.name,
    onRecord(key, value, message) {
      counters.received();
      try {
        const atUs = Math.round(message.timestampMs * 1000);
        index.applyRecord(key, value && workloadCodec.decode(value), atUs);
      } catch (error) {
        counters.error("malformed");
        doors.log.warn({ error, key }, "a workload that cannot be read is passed over");
      }
    },
    onError: (error) => doors.log.warn({ error }, "the table of workloads is interrupted"),
  });
  await reader.caughtUp;
  let dropped = 0;
  const timer = setInterval(() => {
    index.prune(Date.now() * 1000);
    size.set(index.size);
    const lost = index.counters.droppedWorkloads + index.counters.droppedPerAddress;
    if (lost > dropped) counters.dropped("bound", lost - dropped);
    dropped = lost;
  }, PRUNE_EVERY_MS);
  timer.unref();
  const close = async (): Promise<void> => {
    clearInterval(timer);
    await reader.close();
  };
  return { index, close, [Symbol.asyncDispose]: close };
}
