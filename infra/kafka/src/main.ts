/** `node infra/kafka/src/main.ts [DIRECTORY]`: a broker on loopback until Ctrl-C, to try things on. */
import { once } from "node:events";
import { brokerMissing, startBroker } from "./broker.ts";

const missing = brokerMissing();
if (missing !== undefined) {
  process.stderr.write(`no Kafka broker: ${missing}\n`);
  process.exit(1);
}
const [directory] = process.argv.slice(2);
const broker = await startBroker(directory === undefined ? {} : { directory });
process.stdout.write(`kafka://${broker.address}\n`);
process.stderr.write("Ctrl-C stops it");
process.stderr.write(
  directory === undefined ? " and removes its data\n" : `; ${directory} stays\n`,
);
await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
await broker.stop();
