import type { TableReader } from "../bus.ts";
import type { Delivery } from "../delivery.ts";

/** Reads all partitions of a topic without a group: tables and tails. */
export class Follower implements TableReader {
  readonly caughtUp: Promise<void>;
  readonly #deliveries: Delivery[];
  readonly #onClose: () => void;

  constructor(deliveries: Delivery[], caughtUp: Promise<void>[], onClose: () => void) {
    this.#deliveries = deliveries;
    this.caughtUp = allOf(caughtUp);
    this.#onClose = onClose;
  }

  async close(): Promise<void> {
    for (const delivery of this.#deliveries) delivery.stop();
    await Promise.all(this.#deliveries.map((delivery) => delivery.done));
    this.#onClose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function allOf(promises: Promise<void>[]): Promise<void> {
  await Promise.all(promises);
}
