/** A worker that holds what it opened until it is terminated. */
import { parentPort } from "node:worker_threads";
import { BpfObject, listInterfaces, testRun } from "../src/index.ts";
import { Namespace, objectPath } from "./bed.ts";

using namespace = new Namespace();
const object = BpfObject.open(objectPath("packets")).load();
const { retval } = testRun(object.program("pass_all"), { dataIn: new Uint8Array(64) });
const interfaces = listInterfaces({ netns: namespace.path }).map(({ name }) => name);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage({ retval, interfaces });
setInterval(() => object.name, 1000);
