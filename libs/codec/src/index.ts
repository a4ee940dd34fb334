export type * from "./contract.ts";
export type * from "./events.ts";
