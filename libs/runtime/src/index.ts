export { ConfigError, environmentName, loadConfig } from "./config.ts";
export type { ConfigSources } from "./config.ts";
export { configFields, renderConfigHelp, unboundedFields } from "./config-fields.ts";
export type { ConfigField } from "./config-fields.ts";
export { createHealth } from "./health.ts";
export type { CheckKind, CheckResult, Health, HealthReport } from "./health.ts";
export { createLifecycle } from "./lifecycle.ts";
export type { Lifecycle, LifecycleOptions, StopOutcome } from "./lifecycle.ts";
export { createLog, silentLog } from "./log.ts";
export type { Log, LogLevel, LogOptions } from "./log.ts";
export { createMetrics, metricsText } from "./metrics.ts";
export type {
  BoundedCounter,
  BoundedGauge,
  BoundedHistogram,
  Metrics,
  MetricsOptions,
  PartCounters,
} from "./metrics.ts";
export { pause, retryDelayMs } from "./retry.ts";
export type { RetryPolicy } from "./retry.ts";
export { sanitize, sanitizeJson } from "./sanitize.ts";
export { version } from "./version.ts";
export { yamlText } from "./yaml.ts";
