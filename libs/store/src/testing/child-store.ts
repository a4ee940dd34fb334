/**
 * A process of its own with a store, for tests that kill one: opens the directory, says READY, and
 * inserts numbered blocks until it is killed, printing the number of each that was acknowledged.
 */
import { openEmbeddedStore } from "../embedded/embedded-store.ts";
import { numberedBlock } from "./numbered-block.ts";

const [directory = "", blocks = "", first = "0", startUs = "0"] = process.argv.slice(2);
const store = await openEmbeddedStore({ directory, blockDirectory: blocks });
await store.migrate();
process.stdout.write("READY\n");
for (let n = Number(first); ; n++) {
  const { token, block } = numberedBlock(n, Number(startUs));
  await store.insertNative("flows", block, token);
  process.stdout.write(`${n}\n`);
}
