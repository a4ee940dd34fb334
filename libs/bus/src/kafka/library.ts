import { createRequire } from "node:module";
import type Library from "kafkajs";

const require = createRequire(import.meta.url);

/** kafkajs when it is first needed: the memory bus starts without its 50 ms and 3 MB. */
export function kafkajs(): typeof Library {
  return require("kafkajs") as typeof Library;
}

/** The queue of requests of a connection, which is no part of kafkajs's interface. */
export function requestQueue(): unknown {
  return require("kafkajs/src/network/requestQueue");
}
