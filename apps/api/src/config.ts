import { z } from "zod";

/** The API's settings; `weir api --help` prints them. */
export const apiConfig = z.object({
  listen: z
    .string()
    .max(260)
    .default("127.0.0.1:7780")
    .describe("Address and port to listen on. Other than loopback only together with tokenFile."),
  tokenFile: z
    .string()
    .max(4096)
    .optional()
    .describe("File with the bearer token that every request must carry; absent: no token."),
  maxBodyBytes: z
    .int()
    .min(1024)
    .max(64 << 20)
    .default(4 << 20)
    .describe("Largest request body, policies and SQL alike."),
  maxConnections: z
    .int()
    .min(1)
    .max(10_000)
    .default(256)
    .describe("Open connections; further ones are refused."),
  requestTimeoutMs: z
    .int()
    .min(1000)
    .max(600_000)
    .default(30_000)
    .describe("Time a client has to send its request."),
  query: z
    .object({
      maxSeconds: z.int().min(1).max(3600).default(60).describe("Longest run of one SQL query."),
      maxMemoryBytes: z
        .int()
        .min(16 << 20)
        .max(1024 ** 4)
        .default(1 << 30)
        .describe("Memory of one SQL query in the engine."),
      maxResultRows: z
        .int()
        .min(1)
        .max(1_000_000_000)
        .default(1_000_000)
        .describe("Rows one SQL query may return."),
      maxConcurrent: z
        .int()
        .min(1)
        .max(64)
        .default(4)
        .describe("Questions answered at once; further ones are told to come back."),
    })
    .prefault({}),
  follow: z
    .object({
      maxClients: z
        .int()
        .min(1)
        .max(1000)
        .default(32)
        .describe("Live tails of flows at once, and as many of events."),
      maxQueuedFlows: z
        .int()
        .min(16)
        .max(1_000_000)
        .default(10_000)
        .describe(
          "Flows or events kept for a client that reads slowly; older ones are dropped and counted.",
        ),
      maxResumedFlows: z
        .int()
        .min(1)
        .max(100_000)
        .default(10_000)
        .describe(
          "Stored flows or events that a client is sent that comes back; older ones are counted.",
        ),
      settleMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(3000)
        .describe(
          "Time that flows and events need to the store, waited before a client that comes back is served.",
        ),
    })
    .prefault({}),
  completeness: z
    .object({
      maxWaitMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(2000)
        .describe("How long an answer waits to hear how complete it is; then it says: not known."),
      maxCounting: z
        .int()
        .min(1)
        .max(256)
        .default(16)
        .describe("Ranges counted against the ledger at once; further answers say: not known."),
      maxRememberedParts: z
        .int()
        .min(16)
        .max(1_000_000)
        .default(4096)
        .describe("Hours and days of which it is remembered how complete they are."),
    })
    .prefault({}),
  apply: z
    .object({
      confirmTimeoutMs: z
        .int()
        .min(100)
        .max(600_000)
        .default(15_000)
        .describe("How long an apply waits until every live node holds the policy."),
      maxDocuments: z.int().min(1).max(100_000).default(5000).describe("Policies in one request."),
    })
    .prefault({}),
  deadLetters: z
    .object({
      maxReplayed: z.int().min(1).max(1000).default(100).describe("Dead letters replayed at once."),
      confirmTimeoutMs: z
        .int()
        .min(100)
        .max(600_000)
        .default(15_000)
        .describe("How long a replay waits until the store has what was sent again."),
    })
    .prefault({}),
  nodeStaleMs: z
    .int()
    .min(1000)
    .max(3_600_000)
    .default(10_000)
    .describe("A node that has not reported for this long counts as gone."),
  flowsGroup: z
    .string()
    .min(1)
    .max(249)
    .default("weir.enrich-flows")
    .describe("Consumer group of the enricher whose lag the status tells; weir up sets it."),
});

export type ApiConfig = z.output<typeof apiConfig>;
