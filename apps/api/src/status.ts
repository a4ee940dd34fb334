import { topics } from "@weir/bus";
import type { Odometer } from "@weir/codec";
import { version } from "@weir/runtime";
import type { BeyondShare, CollectorStatus, Status } from "./answers.ts";
import type { HeardNode } from "./nodes.ts";
import { nodeProblems, policyProblems } from "./policy-problems.ts";
import type { Context } from "./routes/context.ts";

/** How weir stands. Never rejects: what cannot be asked is named in `waitingFor`. */
export async function status(context: Context): Promise<Status> {
  const { config, bus, store, nodes, policies, health } = context;
  const report = await health.report();
  const waitingFor = report.checks
    .filter((check) => !check.ok)
    .map((check) => (check.detail === undefined ? check.name : `${check.name}: ${check.detail}`));
  const failing = nodes.live().filter((node) => node.report.error !== null);
  for (const { report: node } of failing) waitingFor.push(`policy on ${node.node}: ${node.error}`);
  const set = policies.compiled();
  return {
    ready: waitingFor.length === 0,
    version,
    collectors: nodes.live().map(collectorStatus),
    bus: { kind: bus.kind, lag: await orZero(bus.lag(config.flowsGroup, topics.flows.name)) },
    store: { kind: store.kind, rows: await orZero(storedRows(context)) },
    policy: {
      generation: set?.generation ?? 0,
      mode: set?.mode ?? "observe",
      policies: set?.documents.size ?? 0,
      problems: [...policyProblems(policies).values(), ...nodeProblems(nodes.live())],
    },
    waitingFor,
  };
}

export function collectorStatus({ report }: Pick<HeardNode, "report">): CollectorStatus {
  const { node, attached, hooks, generation, mode, error } = report;
  // Every cause that there can be is named, also where it is 0.
  const lost = { ring: 0, map: 0, spool: 0, ...report.lost };
  const beyondShare = report.odometers.flatMap(beyondItsShare).toSorted(worseFirst);
  return {
    ...{ node, attached, hooks, lost, generation, mode },
    ...(beyondShare.length === 0 ? {} : { beyondShare: beyondShare.slice(0, beyondShareMax) }),
    ...(error === null ? {} : { error }),
  };
}

/** Of a node with a thousand pods, those that matter. */
const beyondShareMax = 5;

function beyondItsShare(one: Odometer): BeyondShare[] {
  if (one.untracked_connections + one.untracked_packets + one.late_edges === 0) return [];
  return [
    {
      who: one.pod === "" ? one.interface : `${one.namespace}/${one.pod}`,
      untrackedConnections: one.untracked_connections,
      untrackedPackets: one.untracked_packets,
      lateEdges: one.late_edges,
    },
  ];
}

function worseFirst(one: BeyondShare, other: BeyondShare): number {
  return other.untrackedPackets - one.untrackedPackets || other.lateEdges - one.lateEdges;
}

async function storedRows(context: Context): Promise<number> {
  const [row] = await context.store.query<{ rows: number }>("SELECT count() AS rows FROM flows");
  return row?.rows ?? 0;
}

/** What a health check already complains about counts as 0 here. */
async function orZero(value: Promise<bigint | number>): Promise<number> {
  try {
    return Number(await value);
  } catch {
    return 0;
  }
}
