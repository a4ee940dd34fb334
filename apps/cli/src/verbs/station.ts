import type { Bus } from "@weir/bus";
import {
  type Health,
  type Log,
  type Metrics,
  createHealth,
  createLifecycle,
  createLog,
  createMetrics,
  loadConfig,
  renderConfigHelp,
} from "@weir/runtime";
import type { Store } from "@weir/store";
import { z } from "zod";
import { openBus, openStore } from "../doors.ts";
import { usageError } from "../exit.ts";
import { startProbes } from "../probes.ts";
import { retention } from "../retention.ts";

/** What a station works through; opened and closed here. */
export interface StationDoors {
  bus: Bus;
  store: Store;
  log: Log;
  metrics: Metrics;
  health: Health;
  /** Stopping was asked for, perhaps before the start was through. */
  signal: AbortSignal;
}

/** A station as its package offers it. */
export interface Station {
  schema: z.ZodObject;
  /** Stations that keep nothing in the store are not given one. */
  needsStore: boolean;
  /** `config` is what the schema made of the file. */
  start(config: never, doors: StationDoors): Promise<{ stop(): Promise<unknown> }>;
}

/** Stations by name, each imported when it is asked for. */
export const stations: Record<string, () => Promise<Station>> = {
  collector: async () => {
    const { collectorConfig, startCollector } = await import("@weir/collector");
    return { schema: collectorConfig, needsStore: false, start: startCollector };
  },
  enricher: async () => {
    const { enricherConfig, startEnricher } = await import("@weir/enricher");
    return { schema: enricherConfig, needsStore: true, start: startEnricher };
  },
  controller: async () => {
    const { controllerConfig, startController } = await import("@weir/controller");
    return { schema: controllerConfig, needsStore: false, start: startController };
  },
  recommender: async () => {
    const { recommenderConfig, startRecommender } = await import("@weir/recommender");
    return { schema: recommenderConfig, needsStore: true, start: startRecommender };
  },
  api: async () => {
    const { apiConfig, startApi } = await import("@weir/api");
    return { schema: apiConfig, needsStore: true, start: startApi };
  },
};

/** Of every station that runs alone. */
export const common = {
  bus: z
    .string()
    .max(4096)
    .describe(
      "kafka://HOST:PORT[,HOST:PORT], with ?producer=platformatic another client that sends: what joins the stations.",
    ),
  logLevel: z
    .enum(["debug", "info", "warn", "error"])
    .default("info")
    .describe("Least severity that is written to stderr, as JSON unless that is a terminal."),
  probeListen: z
    .string()
    .max(260)
    .optional()
    .describe("Address for /healthz, /readyz and /metrics; absent: none. The API has its own."),
  exitTimeoutMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(20_000)
    .describe("How long stopping may take in all."),
};
const storeField = {
  store: z.string().max(4096).describe("http://HOST:PORT of ClickHouse, or of weir store."),
  retention,
};

export interface StationOptions {
  config?: string;
  helpConfig?: boolean;
}

/** The settings of a station that runs alone: its own, and how it is joined to the others. */
export function standaloneSchema(of: Station): z.ZodObject {
  return z.object({
    ...common,
    ...(of.needsStore ? storeField : {}),
    ...of.schema.shape,
  });
}

/** `weir enricher` and its like: runs one station until SIGTERM or SIGINT. */
export async function station(
  name: string,
  options: StationOptions,
  overrides: Record<string, unknown> = {},
): Promise<void> {
  const found = await (stations[name] as () => Promise<Station>)();
  const schema = standaloneSchema(found);
  if (options.helpConfig) {
    process.stdout.write(`${renderConfigHelp(schema)}\n`);
    return;
  }
  const config = loadConfig(schema, {
    ...(options.config === undefined ? {} : { file: options.config }),
    env: { prefix: `WEIR_${name.toUpperCase()}`, values: process.env },
    overrides,
  }) as z.output<z.ZodObject<typeof common>> & Partial<z.output<z.ZodObject<typeof storeField>>>;
  if (config.bus === "memory") {
    throw usageError(
      `a ${name} alone cannot use the bus of another process; give kafka://HOST:PORT, or run weir up`,
    );
  }
  if (config.store === "embedded") {
    throw usageError(
      `a ${name} alone shares the store with others; start weir store, and give its http://HOST:PORT`,
    );
  }
  await run(name, found, config);
}

async function run(
  name: string,
  found: Station,
  config: z.output<z.ZodObject<typeof common>> & Partial<z.output<z.ZodObject<typeof storeField>>>,
): Promise<void> {
  const log = createLog({ name, level: config.logLevel });
  const life = createLifecycle({ log, stopTimeoutMs: config.exitTimeoutMs });
  life.handleSignals();
  const metrics = createMetrics(name, { processMetrics: true });
  const health = createHealth();
  try {
    const bus = await openBus(config.bus, undefined, log);
    life.onStop("bus", () => bus.close());
    const store = found.needsStore
      ? await openStore(config.store as string, "", config.retention)
      : undefined;
    if (store) life.onStop("store", () => store.close());
    // A station that needs no store never looks at it.
    const { signal } = life;
    const doors = { bus, store: store as Store, log, metrics, health, signal };
    const started = await found.start(config as never, doors);
    life.onStop(name, async () => void (await started.stop()));
    if (config.probeListen !== undefined) {
      const probes = await startProbes(config.probeListen, health, [metrics]);
      life.onStop("probes", () => probes.stop());
    }
  } catch (error) {
    const isWanted = life.signal.aborted;
    await life.stop("the start failed");
    if (!isWanted) throw error;
    return;
  }
  log.info({}, "running");
  await life.stopped;
}
