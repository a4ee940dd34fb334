import { type Bus, topics } from "@weir/bus";
import { type Health, type Log, type Metrics, createHealth } from "@weir/runtime";
import type { Store } from "@weir/store";
import type { Status } from "./answers.ts";
import { createCompleteness } from "./completeness.ts";
import type { ApiConfig } from "./config.ts";
import { createEnactor } from "./enact.ts";
import { parseListen } from "./listen.ts";
import { type LiveFlows, createLiveEvents, createLiveFlows } from "./live.ts";
import { followNodes } from "./nodes.ts";
import { followPolicies } from "./policies.ts";
import { addRoutes } from "./routes/all.ts";
import type { Context } from "./routes/context.ts";
import { createServer } from "./server.ts";
import { status } from "./status.ts";
import { followWorkloads } from "./who.ts";

/** How long the start waits for the tables on the bus to be read. */
const catchUpTimeoutMs = 15_000;

export interface ApiDoors {
  bus: Bus;
  store: Store;
  log: Log;
  metrics: Metrics;
  /** Every station's in this process, for /metrics; default: the API's own. */
  allMetrics?: () => Metrics[];
  /** Checks of whoever composes the stations; the API adds its own. */
  health?: Health;
}

export interface RunningApi extends AsyncDisposable {
  /** Base URL, with the port that was really taken. */
  readonly url: string;
  readonly live: LiveFlows;
  status(): Promise<Status>;
  /** Ends live tails, answers what is being answered, and closes. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Listens and answers. Throws when the address is taken, is no address, or reaches beyond this
 * machine without a token.
 */
export async function startApi(config: ApiConfig, doors: ApiDoors): Promise<RunningApi> {
  const { bus, store, log, metrics } = doors;
  await using starting = new AsyncDisposableStack();
  const server = createServer(config, log, metrics);
  starting.defer(() => server.close());
  await bus.ensureTopics(Object.values(topics));
  const nodes = starting.use(await followNodes(bus, config.nodeStaleMs, log));
  const policies = starting.use(await followPolicies(bus, log));
  const who = starting.use(await followWorkloads(bus, log));
  const tail = {
    bus,
    maxClients: config.follow.maxClients,
    maxQueued: config.follow.maxQueuedFlows,
    log,
  };
  const live = createLiveFlows({
    ...tail,
    identity: who.index,
    counters: metrics.part("live"),
  });
  starting.use(live);
  const liveEvents = createLiveEvents({ ...tail, counters: metrics.part("live_events") });
  starting.use(liveEvents);
  const completeness = starting.use(createCompleteness(store, config.completeness, metrics));
  const health = doors.health ?? createHealth();
  const removeCheck = health.check("store", async () => {
    await store.query("SELECT 1");
    return { ok: true };
  });
  starting.defer(removeCheck);
  const context: Context = {
    config,
    bus,
    store,
    log,
    metrics: doors.allMetrics ?? (() => [metrics]),
    health,
    nodes,
    policies,
    who,
    live,
    liveEvents,
    completeness,
    enact: createEnactor(policies, nodes, config.apply.confirmTimeoutMs),
  };
  addRoutes(server, context);
  await caughtUp(Promise.all([nodes.caughtUp, policies.caughtUp, who.caughtUp]));
  const { host, port } = parseListen(config.listen);
  const url = await listen(() => server.listen({ host, port }), config.listen);
  log.info({ url }, "listening");

  const running = starting.move();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      // Live tails first: the server waits for the answers that are under way.
      await Promise.all([live[Symbol.asyncDispose](), liveEvents[Symbol.asyncDispose]()]);
      await running.disposeAsync();
    })();
    return stopping;
  };
  return { url, live, status: () => status(context), stop, [Symbol.asyncDispose]: stop };
}

async function listen(start: () => Promise<string>, address: string): Promise<string> {
  try {
    return await start();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Error(
      `${address} is taken by another process; stop it, or choose another address with --listen`,
      { cause: error },
    );
  }
}

async function caughtUp(tables: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const what = `the bus has not handed over its tables within ${catchUpTimeoutMs} ms; is it reachable?`;
    timer = setTimeout(() => reject(new Error(what)), catchUpTimeoutMs);
  });
  try {
    await Promise.race([tables, late]);
  } finally {
    clearTimeout(timer);
  }
}
