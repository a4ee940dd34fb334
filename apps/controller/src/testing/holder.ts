/**
 * A process that waits to be the one controller and then says so, for tests that kill it. Prints
 * `holds`, and for every line on stdin what `check` says.
 */
import { createInterface } from "node:readline";
import { createKafkaBus } from "@weir/bus";
import { createMetrics, silentLog } from "@weir/runtime";
import { Tenure } from "../tenure.ts";

const [broker = "", staleMs = ""] = process.argv.slice(2);
const tenure = new Tenure({
  bus: createKafkaBus({ brokers: [broker] }),
  log: silentLog(),
  counters: createMetrics("controller").part("tenure"),
  beatMs: 200,
  staleMs: Number(staleMs),
});
await tenure.take();
process.stdout.write("holds\n");
for await (const _ of createInterface({ input: process.stdin })) {
  try {
    tenure.check();
    process.stdout.write("may publish\n");
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n`);
  }
}
