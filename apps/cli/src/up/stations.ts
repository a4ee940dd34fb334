import { join } from "node:path";
import { apiConfig, startApi } from "@weir/api";
import type { RunningApi } from "@weir/api";
import type { Bus } from "@weir/bus";
import { collectorConfig, startNodeCollectors } from "@weir/collector";
import type { NodeCollectors } from "@weir/collector";
import { controllerConfig, startController } from "@weir/controller";
import { enricherConfig, groupOf, startEnricher } from "@weir/enricher";
import { recommenderConfig, startRecommender } from "@weir/recommender";
import { type Health, type Log, type Metrics, createMetrics, loadConfig } from "@weir/runtime";
import type { Store } from "@weir/store";
import type { z } from "zod";
import { type UpSettings, interfacesOf } from "./settings.ts";

export interface Doors {
  bus: Bus;
  store: Store;
  log: Log;
  health: Health;
}

/** How the stations are stopped, in the order in which they were started. */
export type OnStop = (name: string, stop: () => Promise<unknown>) => void;

export interface Stations {
  api: RunningApi;
  collectors: NodeCollectors;
}

/**
 * Starts every station in this process, each with its own log and counters, sources of the path
 * last: what a collector sends is taken from its first block on.
 */
export async function startStations(
  settings: UpSettings,
  runDirectory: string,
  doors: Doors,
  onStop: OnStop,
): Promise<Stations> {
  const pages: Metrics[] = [];
  const ofStation = (name: string) => {
    const metrics = createMetrics(name, { processMetrics: name === "api" });
    pages.push(metrics);
    return { ...doors, log: doors.log.child({ station: name }), metrics };
  };
  const enriching = configOf(enricherConfig, settings.enricher);
  const enricher = await startEnricher(enriching, ofStation("enricher"));
  onStop("enricher", () => enricher.stop());

  const manifests = settings.manifests === undefined ? {} : { manifests: [settings.manifests] };
  const controller = await startController(
    configOf(controllerConfig, settings.controller, { runDirectory, ...manifests }),
    ofStation("controller"),
  );
  onStop("controller", () => controller.stop());

  const recommender = await startRecommender(
    configOf(recommenderConfig, settings.recommender),
    ofStation("recommender"),
  );
  onStop("recommender", () => recommender.stop());

  const api = await startApi(
    configOf(apiConfig, settings.api, {
      listen: settings.listen,
      ...(settings.tokenFile === undefined ? {} : { tokenFile: settings.tokenFile }),
      flowsGroup: groupOf(enriching, "flows"),
    }),
    { ...ofStation("api"), allMetrics: () => pages },
  );
  onStop("API", () => api.stop());

  const interfaces = interfacesOf(settings.interfaces);
  const collectors = await startNodeCollectors(
    configOf(collectorConfig, settings.collector, {
      runDirectory,
      spoolDirectory: settings.collector["spoolDirectory"] ?? join(settings.data, "spool"),
      // A lab is all there is to watch, unless somebody says otherwise.
      interfaces: interfaces === "auto" && settings.lab.length > 0 ? "none" : interfaces,
    }),
    ofStation("collector"),
  );
  onStop("collectors", () => collectors.stop({ detach: true }));
  return { api, collectors };
}

function configOf<Schema extends z.ZodObject>(
  schema: Schema,
  section: Record<string, unknown>,
  overrides: Record<string, unknown> = {},
): z.output<Schema> {
  return loadConfig(schema, { overrides: { ...section, ...overrides } });
}
