import kafkajs from "kafkajs";
import { partitionOf } from "./partitioner.ts";

describe("the partitioner", () => {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner();

  it.each([1, 3, 4, 7])("puts keys where Kafka's clients put them, %i partitions", (partitions) => {
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionId,
      partitionErrorCode: 0,
      leader: 0,
      replicas: [0],
      isr: [0],
    }));
    const keys = ["", "a", "ab", "abc", "node-1", "shop/cart", "é語😀", "x".repeat(1000)];
    for (let index = 0; index < 500; index++) keys.push(`key-${index}-${"y".repeat(index % 5)}`);
    for (const key of keys) {
      const theirs = partitioner({ topic: "t", partitionMetadata, message: { key, value: "" } });
      expect({ key, partition: partitionOf(key, partitions) }).toEqual({ key, partition: theirs });
    }
  });
});
