import { z } from "zod";

/** What the controller can be told; `weir controller --help` shows it. */
export const controllerConfig = z.strictObject({
  runDirectory: z
    .string()
    .max(4096)
    .default(process.env["WEIR_RUN"] ?? "/run/weir")
    .describe("Where the labs of this machine keep their files."),
  labs: z.boolean().default(true).describe("Learn pods, services and nodes from the labs there."),
  manifests: z
    .array(z.string().max(4096))
    .max(100)
    .default([])
    .describe("Files or folders of Kubernetes manifests to learn pods, services and nodes from."),
  host: z
    .boolean()
    .default(true)
    .describe("Name this machine's own addresses, and its listening processes and units."),
  debounceMs: z
    .int()
    .min(0)
    .max(10_000)
    .default(1)
    .describe(
      "How long changes are gathered before they are compiled and published; what comes during that is gathered for the next time.",
    ),
  changeWaitMs: z
    .int()
    .min(1)
    .max(60_000)
    .default(2000)
    .describe("How long the rest of a change of several policies is waited for."),
  snapshotEveryDeltas: z
    .int()
    .min(1)
    .max(2000)
    .default(256)
    .describe("Changes published one by one before all of the policy is published once more."),
  snapshotIdleMs: z
    .int()
    .min(10)
    .max(3_600_000)
    .default(30_000)
    .describe("Time without a change after which all of the policy is published as well."),
  snapshotPartBytes: z
    .int()
    .min(1024)
    .max(700 << 10)
    .default(128 << 10)
    .describe("Size of a message of a policy that is published whole."),
  maxDeltaBytes: z
    .int()
    .min(1024)
    .max(700 << 10)
    .default(512 << 10)
    .describe("A change that is larger is published as all of the policy."),
  endpointHoldMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(2000)
    .describe(
      "How long a new pod stays closed at most until every live node has confirmed its addresses.",
    ),
  nodeStaleMs: z
    .int()
    .min(1000)
    .max(3_600_000)
    .default(10_000)
    .describe("A node that has not reported for this long counts as gone."),
  claimBeatMs: z
    .int()
    .min(10)
    .max(60_000)
    .default(2000)
    .describe("How often a controller says that it is the one that publishes."),
  claimStaleMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe(
      "A controller that has not said so for this long counts as gone, and another one takes over.",
    ),
  rescanMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(2000)
    .describe(
      "How often files are looked at where the file system tells nothing; also how often what could not be published is tried again.",
    ),
  tombstoneKeepMs: z
    .int()
    .min(1000)
    .max(86_400_000)
    .default(600_000)
    .describe("How long a workload that has ended stays in the table, for late flows."),
});

export type ControllerConfig = z.output<typeof controllerConfig>;
