export type * from "./contract.ts";
export {
  backupEmbeddedStore,
  type BackupOptions,
  restoreEmbeddedStore,
} from "./embedded/backup.ts";
export {
  EmbeddedStore,
  type EmbeddedStoreOptions,
  openEmbeddedStore,
} from "./embedded/embedded-store.ts";
export type { EngineLimits } from "./embedded/engine-config.ts";
export { StoreError, type StoreErrorKind } from "./error.ts";
export { type HttpDoor, type HttpDoorOptions, startEmbeddedHttpDoor } from "./http-door/door.ts";
export { defaultQueryLimits } from "./limits.ts";
export { type ClusterOptions, clusterStatements } from "./migrate/cluster-ddl.ts";
export { NativeBlock } from "./native/block.ts";
export type { ColumnBuilder, ColumnType } from "./native/column.ts";
export { defaultRetention, type Retention, type RetentionChange } from "./retention.ts";
export { openServerStore, ServerStore, type ServerStoreOptions } from "./server/server-store.ts";
export { deadLetters } from "./tables/dead-letters.ts";
export { encodeRows } from "./tables/encode-rows.ts";
export { type EventRow, events } from "./tables/events.ts";
export { FlowRows, type Party, type RowNames } from "./tables/flow-rows.ts";
export { ledger, odometerRows, type OdometerRow, odometers } from "./tables/ledger.ts";
export {
  policyGenerations,
  type PolicyGenerationRow,
  policyVersions,
  type PolicyVersionRow,
} from "./tables/policies.ts";
export type { Table } from "./tables/table.ts";
export { workloadRecords, type WorkloadRow } from "./tables/workloads.ts";
