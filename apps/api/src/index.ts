export type * from "./answers.ts";
export { apiConfig } from "./config.ts";
export type { ApiConfig } from "./config.ts";
export { parseListen } from "./listen.ts";
export type { LiveFlows } from "./live.ts";
export type { Subscription, TailItem } from "./live-tail.ts";
export { startApi } from "./start.ts";
export type { ApiDoors, RunningApi } from "./start.ts";
