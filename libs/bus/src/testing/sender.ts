/** A process to kill: sends numbered records to a stored topic and prints each one acknowledged. */
import { createMemoryBus } from "../memory/bus.ts";

const bus = createMemoryBus({ directory: process.argv[2] as string });
await bus.ensureTopics([{ name: "documents", partitions: 1, compacted: true }]);
for (let number = 0; ; number++) {
  await bus.send("documents", [{ key: `k${number % 50}`, value: Buffer.from(String(number)) }]);
  process.stdout.write(`${number}\n`);
}
