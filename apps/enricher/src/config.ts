import { parseCidr } from "@weir/codec";
import { z } from "zod";
import { type FunctionName, functionNames, functions } from "./functions/index.ts";

function isCidr(text: string): boolean {
  try {
    parseCidr(text);
    return true;
  } catch {
    return false;
  }
}

const milliseconds = (most: number): z.ZodInt => z.int().min(0).max(most);

/** What the enricher can be told; `weir enricher --help` shows it. */
export const enricherConfig = z.strictObject({
  functions: z
    .array(z.enum(functionNames as [string, ...string[]]))
    .max(functionNames.length)
    .default(functionNames)
    .describe("Functions this process runs. A cluster runs one Deployment per function."),
  group: z
    .string()
    .max(100)
    .default("weir")
    .describe("Prefix of the consumer groups. Another one reads every topic from its beginning."),
  batch: z
    .strictObject({
      maxMessages: z
        .int()
        .min(1)
        .max(100_000)
        .default(2000)
        .describe("Messages of one insert of flows; a message is a block of many flows."),
      maxBytes: z
        .int()
        .min(65_536)
        .max(268_435_456)
        .default(16_777_216)
        .describe("Bytes of the messages of one insert of flows. Twice as much may be queued."),
      maxWaitMs: milliseconds(60_000)
        .min(1)
        .default(1000)
        .describe("Longest that a block of flows waits for others before it is inserted."),
    })
    .prefault({}),
  retry: z
    .strictObject({
      maxAttempts: z
        .int()
        .min(1)
        .max(1000)
        .default(5)
        .describe("Failures of a batch before its partition counts as standing still."),
      firstDelayMs: milliseconds(60_000).min(1).default(100).describe("Delay of the first retry."),
      maxDelayMs: milliseconds(600_000)
        .min(1)
        .default(10_000)
        .describe("Longest delay between retries, which go on for ever: nothing is skipped."),
    })
    .prefault({}),
  identity: z
    .strictObject({
      headStartMs: milliseconds(10_000)
        .default(200)
        .describe(
          "A flow is looked at no sooner than this after it was sent, so that the news of its pod is there.",
        ),
      windowMs: milliseconds(60_000)
        .default(3000)
        .describe(
          "A flow with an end that should be known, and is not, is written when it becomes known, at the latest this long after it was sent. Who is unknown then stays unknown in the row.",
        ),
      podNetworks: z
        .array(z.string().max(64).refine(isCidr, "write it as 10.64.0.0/10"))
        .max(64)
        .default([])
        .describe(
          "Networks of the cluster's pods: whoever is in one of them should be known. The end at whose own interface a flow was seen always should.",
        ),
      tombstoneKeepMs: milliseconds(86_400_000)
        .min(1000)
        .default(600_000)
        .describe("How long who has ended is kept for late flows."),
      maxWorkloads: z
        .int()
        .min(100)
        .max(5_000_000)
        .default(200_000)
        .describe("Workloads held, ended ones included; the ended go first."),
      networksFile: z
        .string()
        .startsWith("/")
        .max(4000)
        .optional()
        .describe(
          "Names of networks outside, a line each: 203.0.113.0/24 partner bank. The longest prefix names an address that is no workload's and that nobody asked for by name.",
        ),
      networksRereadMs: milliseconds(86_400_000)
        .min(100)
        .default(10_000)
        .describe("How often that file is looked at for changes."),
    })
    .prefault({}),
  stopTimeoutMs: milliseconds(120_000)
    .min(100)
    .default(5000)
    .describe("How long stopping may spend on what is queued; the rest is read again."),
});

export type EnricherConfig = z.output<typeof enricherConfig>;

/** Consumer group of one of the functions. */
export function groupOf(config: Pick<EnricherConfig, "group">, name: FunctionName): string {
  return `${config.group}.${functions[name].name}`;
}
