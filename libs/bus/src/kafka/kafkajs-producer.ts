import { compressionType, kafkaClient, retryOf } from "./client.ts";
import { kafkajs } from "./library.ts";
import type { KafkaBusOptions } from "./options.ts";
import { giveBack } from "./produce-request.ts";
import type { BatchProducer } from "./producer.ts";

/**
 * An idempotent producer of kafkajs gives a failed request's sequence numbers to whoever is next,
 * so two requests under way could make the broker take the second for a repeat of the first and
 * drop it: its users send one at a time.
 */
export async function connectKafkajs(
  options: KafkaBusOptions,
  idempotent: boolean,
): Promise<BatchProducer> {
  const producer = kafkaClient(options).producer({
    idempotent,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs().Partitioners.DefaultPartitioner,
    retry: retryOf(options),
  });
  try {
    await producer.connect();
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
  return {
    async send(batches) {
      await producer.sendBatch({
        acks: -1,
        compression: compressionType(options.compression),
        topicMessages: batches,
      });
      // Which of them came first in a request depends on the partitions.
      for (const { messages } of batches) for (const message of messages) giveBack(message);
    },
    close: () => producer.disconnect(),
  };
}
