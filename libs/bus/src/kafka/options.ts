/** Where the carrier says what it retries by itself; pino and libs/runtime fit. */
export interface BusLog {
  debug(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export interface KafkaBusOptions {
  /** `host:port` of one broker or more to begin with. */
  brokers: string[];
  clientId: string;
  /** The client that sends. Groups, tables and tails are read by kafkajs. */
  producer: "kafkajs" | "platformatic";
  compression: "none" | "gzip" | "zstd";
  /** Bytes that sends not yet resolved may hold together. */
  maxInFlightBytes: number;
  /** Also the max.message.bytes of topics that ensureTopics makes. */
  maxMessageBytes: number;
  /** Bytes a request to the broker gathers from several sends. */
  maxRequestBytes: number;
  /** Requests a second, and in a burst, from where on small ones wait to be gathered. */
  gatherAboveRequests: number;
  /** Bytes fetched and not yet handed over, per partition and reader. */
  maxQueuedBytes: number;
  /** A request that is not answered for so long is tried again over a new connection. */
  requestTimeoutMs: number;
  /** Retries of one operation before it rejects with `unavailable`; readers go on for ever. */
  maxRetries: number;
  firstRetryMs: number;
  maxRetryMs: number;
  /** A member that is silent for this long loses its partitions. */
  sessionTimeoutMs: number;
  heartbeatIntervalMs: number;
  /** How long a change of members, or a close, waits for batches in hand. */
  rebalanceTimeoutMs: number;
  /** A member that is not told its positions for this long after an assignment joins anew. */
  lookUpTimeoutMs: number;
  /** A member that read nothing between two looks, though it could, joins anew; this far apart. */
  stallCheckMs: number;
  /** Replicas of topics that ensureTopics makes; -1 leaves it to the broker. */
  replicationFactor: number;
  log: BusLog;
}

const silent: BusLog = { debug: () => undefined, warn: () => undefined };

export const defaultKafkaBusOptions: Omit<KafkaBusOptions, "brokers"> = {
  clientId: "weir",
  producer: "kafkajs",
  compression: "zstd",
  maxInFlightBytes: 32 << 20,
  maxMessageBytes: 4 << 20,
  maxRequestBytes: 768 << 10,
  gatherAboveRequests: 20,
  maxQueuedBytes: 2 << 20,
  requestTimeoutMs: 30_000,
  maxRetries: 6,
  firstRetryMs: 200,
  maxRetryMs: 3000,
  sessionTimeoutMs: 15_000,
  heartbeatIntervalMs: 1000,
  rebalanceTimeoutMs: 10_000,
  lookUpTimeoutMs: 60_000,
  stallCheckMs: 30_000,
  replicationFactor: -1,
  log: silent,
};
