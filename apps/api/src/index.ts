export type * from "./answers.ts";
export { apiConfig } from "./config.ts";
export type { ApiConfig } from "./config.ts";
export { parseListen } from "./listen.ts";
export type { LiveFlows, LiveItem, Subscription } from "./live.ts";
export { startApi } from "./start.ts";
export type { ApiDoors, RunningApi } from "./start.ts";
