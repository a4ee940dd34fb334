export { controllerConfig } from "./config.ts";
export type { ControllerConfig } from "./config.ts";
export { startController } from "./controller.ts";
export type { Controller, ControllerDoors, ControllerStatus } from "./controller.ts";
export type { DocumentError } from "./document.ts";
