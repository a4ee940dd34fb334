/** `run-collector.ts NODE RUN_DIRECTORY PINS`: says "watching" and goes on until it is killed. */
import { createMemoryBus, topics } from "@weir/bus";
import { collectorConfig, startCollector } from "@weir/collector";
import { createLog } from "@weir/runtime";

const [node, runDirectory, pinDirectory] = process.argv.slice(2);
const bus = createMemoryBus();
await bus.ensureTopics(Object.values(topics));
const config = collectorConfig.parse({ node, runDirectory, pinDirectory, interfaces: "none" });
await startCollector(config, { bus, log: createLog({ name: "collector", level: "warn" }) });
process.stdout.write("watching\n");
