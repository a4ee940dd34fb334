/**
 * A process of its own with a store, for tests that kill one: opens the directory, says READY, and
 * inserts numbered blocks until it is killed, printing the number of each that was acknowledged.
 */
import { openEmbeddedStore } from "../embedded/embedded-store.ts";
import { flowBlock } from "./flows.ts";

const [directory = "", blocks = "", first = "0"] = process.argv.slice(2);
const store = await openEmbeddedStore({ directory, blockDirectory: blocks });
await store.migrate();
process.stdout.write("READY\n");
const time = Date.now() * 1000;
for (let n = Number(first); ; n++) {
  const rows = Array.from({ length: 50 }, (_, at) => ({
    time: time + at,
    block: n,
    packets: 1,
    source: { workload: "killed" },
  }));
  await store.insertNative("flows", flowBlock(rows), `block:${n}`);
  process.stdout.write(`${n}\n`);
}
