export type * from "./bus.ts";
export { topics } from "./topics.ts";
