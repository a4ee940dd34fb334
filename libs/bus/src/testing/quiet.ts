/** A process whose screen is watched: uses everything the Kafka carrier has, prints one line. */
import { createKafkaBus } from "../kafka/bus.ts";

const [broker = "", producer] = process.argv.slice(2);
const bus = createKafkaBus({
  brokers: [broker],
  producer: producer === "platformatic" ? producer : "kafkajs",
});
const topic = `quiet.${process.pid}`;
await bus.ensureTopics([
  { name: topic, partitions: 2, compacted: false },
  { name: `${topic}.table`, partitions: 1, compacted: true },
]);
const read = Promise.withResolvers<void>();
const reader = await bus.readGroup({
  group: topic,
  topics: [topic],
  maxBatchMessages: 10,
  onBatch: () => Promise.resolve(read.resolve()),
});
const table = await bus.readTable({ topic: `${topic}.table`, onRecord: () => undefined });
await bus.send(topic, [{ key: "k", value: Buffer.from("x") }]);
await bus.send(`${topic}.table`, [{ key: "k", value: null }]);
await read.promise;
await reader.commit([{ topic, partition: 0, offset: 0n, metadata: "m" }]);
await table.caughtUp;
await bus.lag(topic, topic);
await bus.close();
process.stdout.write("done\n");
