export type * from "./endpoint.ts";
export type * from "./lab-file.ts";
