export { enricherConfig, groupOf } from "./config.ts";
export type { EnricherConfig } from "./config.ts";
export { startEnricher } from "./enricher.ts";
export type { Enricher, EnricherDoors } from "./enricher.ts";
export { functionNames, functions } from "./functions/index.ts";
export type { FunctionName } from "./functions/index.ts";
export type { EnricherServices } from "./services.ts";
