export type * from "./contract.ts";
export { BadMessage, defineFunction } from "./define.ts";
export { startFunction } from "./running.ts";
export type { FunctionDoors, FunctionStatus, RunningFunction } from "./running.ts";
export type { Halt } from "./worker.ts";
