import { loadConfig } from "@weir/runtime";
import { z } from "zod";
import { dataDirectory } from "../data-directory.ts";
import { checkDoors } from "../doors.ts";
import { usageError } from "../exit.ts";
import { retention } from "../retention.ts";

/** What the command line gave `weir up`. */
export interface UpOptions {
  lab?: string[];
  manifests?: string;
  kubeconfig?: string;
  interfaces?: string;
  bus?: string;
  store?: string;
  data?: string;
  listen?: string;
  tokenFile?: string;
  config?: string;
  flows: boolean;
}

const section = z.record(z.string(), z.unknown()).prefault({});

/** The file of `weir up --config`: the options by their names, and a section for each station. */
const upConfig = z.object({
  lab: z.array(z.string().max(4096)).max(1000).default([]).describe("Labs or manifests to run."),
  labNodes: z.int().min(1).max(32).default(2).describe("Node namespaces of the lab."),
  labStartAfterMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .optional()
    .describe("Replaces how long pods of the lab wait before they begin, as the intruder does."),
  manifests: z.string().max(4096).optional().describe("Folder with Kubernetes manifests."),
  interfaces: z
    .string()
    .max(4096)
    .default("auto")
    .describe("auto, none, or interfaces of this machine, separated by commas."),
  bus: z.string().max(4096).default("memory").describe("memory or kafka://HOST:PORT,..."),
  store: z.string().max(4096).default("embedded").describe("embedded or http://HOST:PORT."),
  data: z.string().max(4096).optional().describe("Folder for what outlives the process."),
  retention,
  listen: z.string().max(260).default("127.0.0.1:7780").describe("Address of the API."),
  tokenFile: z
    .string()
    .max(4096)
    .optional()
    .describe("File with the bearer token that the API asks for; needed beyond loopback."),
  stopTimeoutMs: z
    .int()
    .min(1000)
    .max(600_000)
    .default(30_000)
    .describe("Time for everything to stop in order."),
  api: section.describe("Settings of the API station."),
  collector: section.describe("Settings of every collector."),
  enricher: section.describe("Settings of the enricher."),
  controller: section.describe("Settings of the controller."),
  recommender: section.describe("Settings of the recommender."),
});

export type UpSettings = z.output<typeof upConfig> & { data: string; printFlows: boolean };

/** Options over environment (`WEIR_UP_...`) over file over defaults. Throws for what does not fit. */
export function upSettings(options: UpOptions, env: NodeJS.ProcessEnv = process.env): UpSettings {
  if (options.kubeconfig !== undefined) {
    throw usageError("--kubeconfig is not there yet; --manifests DIR names workloads from files");
  }
  const { config, flows, kubeconfig: _, ...overrides } = options;
  const loaded = loadConfig(upConfig, {
    ...(config === undefined ? {} : { file: config }),
    env: { prefix: "WEIR_UP", values: env },
    overrides,
  });
  // What is wrong is said before anything is started.
  checkDoors(loaded.bus, loaded.store);
  interfacesOf(loaded.interfaces);
  return { ...loaded, data: dataDirectory(loaded.data), printFlows: flows };
}

/** `auto`, `none`, or the names. */
export function interfacesOf(text: string): "auto" | "none" | string[] {
  if (text === "auto" || text === "none") return text;
  const names = text.split(",").filter((name) => name !== "");
  const wrong = names.find((name) => name.length > 15 || /[\s/]/.test(name));
  if (names.length === 0 || wrong !== undefined) {
    throw usageError(`--interfaces ${text}: give auto, none, or names like eth0,eth1`);
  }
  return names;
}
