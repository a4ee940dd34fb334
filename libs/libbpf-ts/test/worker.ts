/** A worker that holds what it opened until it is terminated. */
import { parentPort } from "node:worker_threads";
import type { Interface } from "../src/index.ts";
import { BpfObject, listInterfaces, testRun } from "../src/index.ts";
import { Namespace, objectPath } from "./bed.ts";

function visit(): Interface[] {
  using namespace = new Namespace();
  return listInterfaces({ netns: namespace.path });
}

const object = BpfObject.open(objectPath("packets")).load();
const { retval } = testRun(object.program("pass_all"), { dataIn: new Uint8Array(64) });
const interfaces = visit().map(({ name }) => name);
// Last: whoever gets it may terminate this thread at once.
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage({ retval, interfaces });
setInterval(() => object.name, 1000);
