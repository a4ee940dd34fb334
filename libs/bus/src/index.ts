export type * from "./bus.ts";
export { BusError } from "./error.ts";
export type { BusErrorCode } from "./error.ts";
export { createKafkaBus } from "./kafka/bus.ts";
export type { BusLog, KafkaBusOptions } from "./kafka/options.ts";
export { createMemoryBus } from "./memory/bus.ts";
export type { MemoryBusOptions } from "./memory/options.ts";
export { partitionOf } from "./partitioner.ts";
export { topics } from "./topics.ts";
export { openSpool, realDisk, removeSpool, spoolDefaults } from "./spool/index.ts";
export type {
  Spool,
  SpoolCounters,
  SpoolDisk,
  SpoolEntry,
  SpoolItem,
  SpoolMark,
  SpoolOptions,
  SpoolSync,
} from "./spool/index.ts";
