export interface MemoryBusOptions {
  /** Keeps compacted topics and positions here; nothing is written without it. */
  directory?: string;
  /** What one partition holds. A send waits while a group needs all of it. */
  maxPartitionBytes: number;
  /** Bytes that sends not yet resolved may hold together. */
  maxInFlightBytes: number;
  maxMessageBytes: number;
  /** How long a send waits for room before it rejects. */
  sendTimeoutMs: number;
  /** How long a change of members waits for batches in hand. */
  rebalanceTimeoutMs: number;
  /** Messages that a table or tail is given at once. */
  maxTailMessages: number;
}

export const defaultMemoryBusOptions: MemoryBusOptions = {
  maxPartitionBytes: 16 << 20,
  maxInFlightBytes: 32 << 20,
  maxMessageBytes: 4 << 20,
  sendTimeoutMs: 60_000,
  rebalanceTimeoutMs: 10_000,
  maxTailMessages: 1000,
};
