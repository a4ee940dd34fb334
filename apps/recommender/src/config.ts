import { z } from "zod";

/** What the recommender can be told; `weir recommender --help-config` shows it. */
export const recommenderConfig = z.strictObject({
  group: z.string().max(100).default("weir").describe("Prefix of the consumer group."),
  settleMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(2000)
    .describe("How long after new flows the history is read, so that they are in the store."),
  minIntervalMs: z
    .int()
    .min(10)
    .max(86_400_000)
    .default(15_000)
    .describe("Least time between two readings of the history; a slow store makes it longer."),
  windowMs: z
    .int()
    .min(1000)
    .max(2_678_400_000)
    .default(3_600_000)
    .describe("How far back the history is read."),
  refreshMs: z
    .int()
    .min(1000)
    .max(86_400_000)
    .default(600_000)
    .describe(
      "A suggestion whose rules stay the same is published anew with fresh counts this often.",
    ),
  maxWorkloads: z
    .int()
    .min(100)
    .max(5_000_000)
    .default(200_000)
    .describe("Workloads held; more are ignored and counted."),
  maxLeftOut: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe("Lines of one suggestion that say what was left out."),
  query: z
    .strictObject({
      maxSeconds: z.int().min(1).max(3600).default(60).describe("Longest reading of the history."),
      maxResultRows: z
        .int()
        .min(1000)
        .max(10_000_000)
        .default(1_000_000)
        .describe("Most edges of one reading; more are an error, and the old suggestions stay."),
    })
    .prefault({}),
  scan: z
    .strictObject({
      minFailedTargets: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(3)
        .describe("Targets that never answered from which on a source may be a scanner."),
      minFailedPorts: z
        .int()
        .min(1)
        .max(65_535)
        .default(2)
        .describe("Ports of one destination that never answered: the same."),
      maxLuckyConnections: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(3)
        .describe(
          "Up to so many answered connections count for nothing beside ports tried in vain.",
        ),
    })
    .prefault({}),
  stopTimeoutMs: z
    .int()
    .min(100)
    .max(120_000)
    .default(5000)
    .describe("How long stopping may wait for a reading that is under way."),
});

export type RecommenderConfig = z.output<typeof recommenderConfig>;
