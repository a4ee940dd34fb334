export { collectorConfig } from "./config.ts";
export type { CollectorConfig, CollectorConfigInput } from "./config.ts";
export { startCollector } from "./collector.ts";
export type { Collector, CollectorDoors } from "./collector.ts";
export { startNodeCollectors } from "./node-collectors.ts";
export type { NodeCollectors } from "./node-collectors.ts";
export { pinDirectoryOf } from "./pins.ts";
export { removeCollector } from "./remove.ts";
export { NodeTaken } from "./station-lock.ts";
