import { hostSource, watchLabs, watchManifests } from "@weir/identity";
import type { WorkloadListener, WorkloadSource } from "@weir/identity";
import type { ControllerConfig } from "./config.ts";

/** Opens a source; it speaks under the name it was asked for. */
export type OpenSource = (listener: WorkloadListener) => WorkloadSource;

/** The sources of a configuration by name; of two that name the same, the first is believed. */
export function configuredSources(config: ControllerConfig): Map<string, OpenSource> {
  const { rescanMs } = config;
  const sources = new Map<string, OpenSource>();
  if (config.labs) {
    sources.set("labs", (listener) => watchLabs(config.runDirectory, listener, { rescanMs }));
  }
  for (const path of config.manifests) {
    sources.set(`manifests ${path}`, (listener) => watchManifests(path, listener, { rescanMs }));
  }
  if (config.host) sources.set("host", (listener) => hostSource(listener));
  return sources;
}
