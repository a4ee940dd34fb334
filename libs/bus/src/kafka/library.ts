import { createRequire } from "node:module";
import type Library from "kafkajs";
import { replaceProduce } from "./produce-request.ts";

const require = createRequire(import.meta.url);
let library: typeof Library | undefined;

/** kafkajs when it is first needed: the memory bus starts without its 50 ms and 3 MB. */
export function kafkajs(): typeof Library {
  if (library === undefined) {
    replaceProduce(require);
    library = require("kafkajs") as typeof Library;
  }
  return library;
}

/** The queue of requests of a connection, which is no part of kafkajs's interface. */
export function requestQueue(): unknown {
  return require("kafkajs/src/network/requestQueue");
}
