import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { startFunction } from "@weir/functions";
import type { FunctionStatus, RunningFunction } from "@weir/functions";
import { createMetrics } from "@weir/runtime";
import type { Health, Log, Metrics } from "@weir/runtime";
import type { Store } from "@weir/store";
import { groupOf } from "./config.ts";
import type { EnricherConfig } from "./config.ts";
import { functions } from "./functions/index.ts";
import type { FunctionName } from "./functions/index.ts";
import { followIdentity } from "./identity-table.ts";
import { LateIdentities } from "./late-identities.ts";
import { followNetworkList } from "./network-list.ts";

export interface EnricherDoors {
  bus: Bus;
  /** Migrated by the caller or here: both are safe. */
  store: Store;
  log: Log;
  metrics?: Metrics;
  health?: Health;
}

export interface Enricher extends AsyncDisposable {
  readonly metrics: Metrics;
  status(): FunctionStatus[];
  /** Messages that the functions have not committed, over all their topics. */
  lag(): Promise<bigint>;
  /** Waits until what is on the topics is in the store; false when the time was too short. */
  drain(timeoutMs: number): Promise<boolean>;
  /**
   * Stores what is queued (on a memory bus: everything that was sent), commits, leaves the groups.
   * Idempotent. Closes neither bus nor store.
   */
  stop(): Promise<void>;
}

const LAG_EVERY_MS = 5000;

/** Starts the station: topics and schema are there, identities caught up, functions running. */
export async function startEnricher(
  config: EnricherConfig,
  doors: EnricherDoors,
): Promise<Enricher> {
  const { bus, store, log } = doors;
  const metrics = doors.metrics ?? createMetrics("enricher");
  const { networksFile, networksRereadMs } = config.identity;
  const networks = followNetworkList(networksFile, { log, rereadMs: networksRereadMs });
  await bus.ensureTopics(Object.values(topics));
  await store.migrate();
  const table = await followIdentity(bus, config.identity, { log, metrics });
  const lateIdentities = new LateIdentities({
    identity: table.index,
    ...config.identity,
    metrics,
  });
  const services = {
    store,
    bus,
    identity: table.index,
    networks: () => networks.current,
    lateIdentities,
    metrics,
  };
  const running: RunningFunction[] = [];
  const unwatch: (() => void)[] = [];
  const stop = async (): Promise<void> => {
    lateIdentities.close();
    if (bus.kind === "memory") await finishForGood(running, config.stopTimeoutMs, log);
    for (const remove of unwatch) remove();
    clearInterval(timer);
    await Promise.all(running.map((one) => one.stop()));
    await table.close();
    networks.close();
  };
  const timer = setInterval(() => void publishLag(running, metrics, log), LAG_EVERY_MS);
  timer.unref();
  try {
    for (const name of config.functions as FunctionName[]) {
      const one = await startFunction(functions[name], {
        bus,
        services,
        log,
        metrics,
        group: groupOf(config, name),
        // Only flows come in numbers that need tuning; the others keep their own bounds.
        ...(name === "flows" ? { batch: config.batch } : {}),
        retry: config.retry,
        stopTimeoutMs: config.stopTimeoutMs,
      });
      running.push(one);
      if (doors.health) unwatch.push(doors.health.check(one.name, () => one.check()));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  log.info({ functions: config.functions, workloads: table.index.size }, "enriching");
  let stopping: Promise<void> | undefined;
  const stopOnce = (): Promise<void> => (stopping ??= stop());
  return {
    metrics,
    status: () => running.map((one) => one.status()),
    lag: async () =>
      (await Promise.all(running.map((one) => one.lag()))).reduce((a, b) => a + b, 0n),
    drain: (timeoutMs) => drainInOrder(running, timeoutMs),
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}

/** What a bus of this process still holds goes with the process: nobody would read it again. */
async function finishForGood(
  running: RunningFunction[],
  timeoutMs: number,
  log: Log,
): Promise<void> {
  try {
    if (await drainInOrder(running, timeoutMs)) return;
    const lags = await Promise.all(running.map(async (one) => `${one.name} ${await one.lag()}`));
    log.warn({ lags }, "stopped before everything on the bus was stored; flows among it are lost");
  } catch (error) {
    log.warn({ error }, "what is left on the bus cannot be told");
  }
}

/** Letters last: the others write them. */
async function drainInOrder(running: RunningFunction[], timeoutMs: number): Promise<boolean> {
  const isLast = (one: RunningFunction): boolean => one.name === functions["dead-letters"].name;
  const deadline = performance.now() + timeoutMs;
  for (const some of [running.filter((one) => !isLast(one)), running.filter(isLast)]) {
    const leftMs = Math.max(deadline - performance.now(), 0);
    const drained = await Promise.all(some.map((one) => one.drain(leftMs)));
    if (!drained.every(Boolean)) return false;
  }
  return true;
}

async function publishLag(running: RunningFunction[], metrics: Metrics, log: Log): Promise<void> {
  const gauge = metrics.gauge("lag_messages", "Messages not committed yet.", ["function"]);
  for (const one of running) {
    try {
      gauge.set(Number(await one.lag()), { function: one.name });
    } catch (error) {
      log.debug({ error, function: one.name }, "the lag cannot be told");
    }
  }
}
