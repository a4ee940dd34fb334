import { hostname } from "node:os";
import { z } from "zod";

const ms = (min: number, max: number, fallback: number, doc: string) =>
  z.int().min(min).max(max).default(fallback).describe(doc);

const minute = 60_000;
const day = 24 * 60 * minute;

/** The run directory of a machine's own weir; every other is a trial's. */
export const machineRunDirectory = "/run/weir";

/** The collector's settings; `weir collector --help` prints them. */
export const collectorConfig = z.object({
  node: z
    .string()
    .regex(/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/)
    .default(() => hostname().toLowerCase())
    .describe("Name of the node as Kubernetes has it; default: the host name."),
  runDirectory: z
    .string()
    .max(200)
    .default(() => process.env["WEIR_RUN"] ?? machineRunDirectory)
    .describe("Where the wiring of pods leaves the node's and the endpoints' files."),
  pinDirectory: z
    .string()
    .startsWith("/sys/fs/bpf/")
    .max(200)
    .optional()
    .describe("Folder in bpffs for maps and links; default /sys/fs/bpf/weir/<node>."),
  user: z
    .string()
    .regex(/^[1-9]\d{0,9}(:[1-9]\d{0,9})?$/, "must be UID or UID:GID, in numbers, not root")
    .optional()
    .describe(
      "weir collector, started as root, goes on as this UID or UID:GID with only the capabilities it needs; default: as it was started. weir up stays as it was started.",
    ),
  interfaces: z
    .union([z.enum(["auto", "none"]), z.array(z.string().min(1).max(15)).max(256)])
    .default("auto")
    .describe(
      "The machine's own interfaces to observe, never to enforce on. auto: those that are up, unless the node lives in a namespace of its own.",
    ),
  hook: z
    .enum(["auto", "tcx", "clsact"])
    .default("auto")
    .describe("Where the programs go; auto: TCX (Linux 6.6), else clsact."),
  modeLimit: z
    .enum(["observe", "shadow", "enforce"])
    .default("enforce")
    .describe("The most a policy may do at a workload's interface on this node."),
  denyUnknownEndpoints: z
    .boolean()
    .default(false)
    .describe(
      "Where a policy is in force, drop what workloads say that are no pods as well; pods that it does not know yet are closed in any case.",
    ),
  redirectToPeer: z
    .enum(["auto", "off"])
    .default("auto")
    .describe(
      "auto: between two enforced pods of this node that weir wired itself a packet skips the node's stack, its netfilter too; off: never.",
    ),
  drainIntervalMs: ms(1, 1000, 10, "The rings are emptied at most this often."),
  drainIdleIntervalMs: ms(
    1,
    1000,
    40,
    "And at least this often, also where little comes: each time costs a wake-up.",
  ),
  sweepIntervalMs: ms(100, minute, 1000, "How often the flow map is swept for what changed."),
  blockIntervalMs: ms(1, 10_000, 100, "A block that is not full waits this long for more edges."),
  reportIntervalMs: ms(100, minute, 2000, "How often the node reports itself on the bus."),
  clockSyncIntervalMs: ms(1000, 10 * minute, 10_000, "How often wall time is compared anew."),
  rescanIntervalMs: ms(100, 10 * minute, 5000, "How often interfaces are looked at without a cue."),
  policyWaitMs: ms(
    0,
    10 * minute,
    10_000,
    "On a fresh start: how long to wait for the policy in force before attaching without it.",
  ),
  stopTimeoutMs: ms(0, 10 * minute, 8000, "How long a stop waits for the bus to take the rest."),
  activeTimeoutMs: ms(100, day, 10_000, "An open flow is reported at least this often."),
  idleTimeoutMs: z
    .object({
      tcpOpening: ms(1000, day, minute, "TCP without an answer yet."),
      tcpEstablished: ms(1000, 30 * day, 125 * minute, "Answered TCP; RFC 5382 wants 124 minutes."),
      tcpClosed: ms(100, day, 2000, "TCP after FIN both ways or RST, so that stragglers count."),
      udp: ms(1000, day, minute, "UDP."),
      icmp: ms(1000, day, minute / 2, "ICMP and ICMPv6."),
      other: ms(1000, day, 10 * minute, "Every other protocol."),
    })
    .prefault({})
    .describe("A flow without packets for this long is over and leaves the map."),
  flowsMaxEntries: z
    .int()
    .min(1024)
    .max(1 << 24)
    .default(65_536)
    .describe("Connections followed at once on this node; beyond, new ones are only counted."),
  flowsShare: z
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .describe(
      "An interface may have so many connections followed for each that is free: with 4 one that makes connections without end gets four fifths of the room, two get four ninths each. The packets of the others are counted as untracked at that interface.",
    ),
  untrackedMaxEntries: z
    .int()
    .min(1024)
    .max(1 << 24)
    .default(16_384)
    .describe("Of the connections that are only counted, the verdicts that are remembered."),
  edgeRate: z
    .int()
    .min(100)
    .max(100_000_000)
    .default(100_000)
    .describe(
      "Edges (closed, denied) a second that an interface may put on the ring; what the others would have told is told by the sweep.",
    ),
  edgeBurst: z
    .int()
    .min(16)
    .max(1 << 24)
    .default(2048)
    .describe("Edges that an interface may put on the ring at once, after a rest."),
  ringBytes: z
    .int()
    .min(1 << 12)
    .max(1 << 30)
    .refine((bytes) => (bytes & (bytes - 1)) === 0, "must be a power of 2")
    .default(2 << 20)
    .describe(
      "Size of the ring of edges; the default takes 13,107 of them between two drains, which come sooner when an eighth would fill.",
    ),
  enrich: z
    .object({
      dns: z
        .enum(["auto", "off"])
        .default("auto")
        .describe("The name that a workload had asked for, from the DNS answers it got over UDP."),
      timing: z
        .enum(["auto", "off"])
        .default("auto")
        .describe("Round trip of the TCP handshake, and the first byte of the answer."),
      socket: z
        .enum(["auto", "off"])
        .default("auto")
        .describe("Smoothed round trip and retransmits, of the workload's own socket."),
      process: z
        .enum(["auto", "listener", "off"])
        .default("auto")
        .describe(
          "The process that a workload's socket belongs to. listener: an accepted connection counts as its listener's, which spares a look at each receive of this machine.",
        ),
    })
    .prefault({})
    .describe("What is found out about flows beside their counters; off costs nothing."),
  dns: z
    .object({
      ringBytes: z
        .int()
        .min(1 << 12)
        .max(1 << 26)
        .refine((bytes) => (bytes & (bytes - 1)) === 0, "must be a power of 2")
        .default(1 << 18)
        .describe(
          "Size of the ring of DNS answers; the default takes some 2,000 between two drains.",
        ),
      maxAnswersPerDrain: z
        .int()
        .min(1)
        .max(100_000)
        .default(64)
        .describe("DNS answers read every drainIntervalMs: more wait in the ring."),
      maxAnswersPerSecond: z
        .int()
        .min(1)
        .max(100_000)
        .default(500)
        .describe(
          "DNS answers of one workload that are read, in the long run; at once twice as many.",
        ),
      maxAddresses: z
        .int()
        .min(16)
        .max(1 << 22)
        .default(32_768)
        .describe("Answered addresses remembered on this node; beyond, the least recent goes."),
      maxAddressesPerWorkload: z
        .int()
        .min(16)
        .max(1 << 22)
        .default(4096)
        .describe("The same for one interface, so that none takes the room of the others."),
      minTtlMs: ms(0, day, minute, "A name counts for at least this long after its answer."),
      maxTtlMs: ms(1000, 30 * day, day, "And for no longer than this, whatever the answer says."),
    })
    .prefault({})
    .describe("Bounds of the names that are learned from DNS answers."),
  processes: z
    .object({
      maxProcesses: z
        .int()
        .min(16)
        .max(1 << 20)
        .default(8192)
        .describe("Processes whose program is remembered; beyond, those not seen lately go."),
      maxReadsPerBlock: z
        .int()
        .min(1)
        .max(10_000)
        .default(64)
        .describe(
          "Programs read from /proc for one block; the others' have to wait for a later one.",
        ),
    })
    .prefault({})
    .describe("Bounds of what is remembered of processes."),
  maxBlockRecords: z
    .int()
    .min(256)
    .max(5000)
    .default(4096)
    .describe("Most flow records in one block; 5000 always fit Kafka's message of 1 MiB."),
  spoolDirectory: z
    .string()
    .startsWith("/")
    .max(4096)
    .optional()
    .describe(
      "Where blocks wait for the bus, a folder for each node. Default: on disk, weir/spool in $XDG_STATE_HOME, else /var/lib/weir/spool; with a run directory other than /run/weir, spool in that. weir up: spool in its data directory.",
    ),
  spoolMaxBytes: z
    .int()
    .min(4 << 20)
    .max(2 ** 40)
    .default(256 << 20)
    .describe("Of a node's spool. Beyond, the oldest blocks go and are counted as lost: spool."),
  spoolSync: z
    .enum(["each", "interval", "never"])
    .default("interval")
    .describe(
      "When blocks are forced to the disk, for machines that lose power: each block, every spoolSyncIntervalMs, or when the kernel likes. A killed collector loses nothing either way.",
    ),
  spoolSyncIntervalMs: ms(10, minute, 1000, "How often, where spoolSync is interval."),
  maxSendBytes: z
    .int()
    .min(1 << 16)
    .max(1 << 24)
    .default(1 << 20)
    .describe("Blocks read from the spool and handed to the bus at once."),
  sendIntervalMs: ms(
    0,
    10_000,
    100,
    "The spool's blocks are handed to the bus at most this often, unless maxSendBytes of them wait: a request costs the same for one block as for ten, which take fewer bytes together.",
  ),
  policyIdentitiesMax: z
    .int()
    .min(1)
    .max(1 << 24)
    .default(1 << 18)
    .describe(
      "Addresses and blocks that policies tell apart, the most this node takes (some 200 bytes of kernel memory each); a policy with more is refused, the one before stays in force.",
    ),
  policyRulesMax: z
    .int()
    .min(1)
    .max(1 << 24)
    .default(1 << 20)
    .describe("The same for rules: a rule set, a peer, a protocol and a prefix of ports each."),
  policyRetryIntervalMs: ms(
    100,
    10 * minute,
    2000,
    "How often a policy that could not be written is tried again.",
  ),
  policyGenerationsKept: z
    .int()
    .min(1)
    .max(1000)
    .default(16)
    .describe("Generations whose rule texts are remembered for flows that are still under way."),
});

export type CollectorConfig = z.output<typeof collectorConfig>;
export type CollectorConfigInput = z.input<typeof collectorConfig>;
