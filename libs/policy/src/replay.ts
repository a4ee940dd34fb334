/** What candidate policies would have done to recorded connections. */
import type { AddressBook, Cluster } from "./cluster.ts";
import { addressBook } from "./cluster.ts";
import type { Edge, EdgeEnd } from "./edge.ts";
import { edgesOf, endText } from "./edge.ts";
import { Judge } from "./judge.ts";
import type { Policy } from "./network-policy.ts";
import type { ObservedEdge } from "./observed-edge.ts";
import { isProtocol } from "./protocol.ts";
import type { Party } from "./traffic.ts";
import type { WorkloadPods } from "./workload-model.ts";
import { workloadKeyOf, workloadsOf } from "./workload-model.ts";

export interface ReplayedEdge {
  from: string;
  to: string;
  port: number;
  protocol: string;
  connections: number;
  /** Microseconds since 1970. */
  first: number;
  last: number;
}

export interface ReplayQuestion {
  /** All of the window. */
  observed: readonly ObservedEdge[];
  /** Those that the kernel judged by `inForce`; default: all. */
  observedInForce?: readonly ObservedEdge[];
  cluster: Cluster;
  /** What the kernel enforces. */
  inForce: readonly Policy[];
  /** What is to be enforced instead. */
  candidate: readonly Policy[];
}

export interface Replay {
  connections: number;
  unchanged: number;
  newlyDenied: ReplayedEdge[];
  newlyAllowed: ReplayedEdge[];
  /** The policies in force against what the kernel recorded: a check of the evaluator itself. */
  inForce: { rows: number; disagreements: number };
  /** Connections whose ends have no pods now, or whose protocol has no name here: not judged. */
  unjudged: number;
}

class Replayer {
  readonly #workloads: Map<string, WorkloadPods>;
  readonly #book: AddressBook;

  constructor(cluster: Cluster) {
    this.#workloads = workloadsOf(cluster);
    this.#book = addressBook(cluster);
  }

  edges(observed: readonly ObservedEdge[]): Edge[] {
    return edgesOf(observed, this.#book);
  }

  #parties(end: EdgeEnd): Party[] {
    if (end.kind !== "workload") return [{ address: end.address }];
    return (this.#workloads.get(workloadKeyOf(end))?.pods ?? []).map((pod) => ({ pod }));
  }

  /** Denied where any pod of the source is stopped on its way to any of the destination. */
  verdict(judge: Judge, edge: Edge): "allowed" | "denied" | undefined {
    const { port, protocol } = edge;
    const [sources, destinations] = [this.#parties(edge.source), this.#parties(edge.destination)];
    if (!isProtocol(protocol) || sources.length === 0 || destinations.length === 0)
      return undefined;
    const denied = sources.some((from) =>
      destinations.some((to) => judge.judge({ from, to, port, protocol }).verdict === "denied"),
    );
    return denied ? "denied" : "allowed";
  }
}

function line(edge: Edge): ReplayedEdge {
  const { port, protocol, connections, first, last } = edge;
  return {
    from: endText(edge.source),
    to: endText(edge.destination),
    port,
    protocol,
    connections,
    first,
    last,
  };
}

/** An edge of which the kernel denied every connection was denied, any other one was allowed. */
function recordedVerdict({ denied, connections }: Edge): "allowed" | "denied" {
  return denied > 0 && denied >= connections ? "denied" : "allowed";
}

/** Judges every recorded edge under `candidate`; what was recorded decides what "newly" means. */
export function replay(question: ReplayQuestion): Replay {
  const { observed, observedInForce = observed, cluster, inForce, candidate } = question;
  const replayer = new Replayer(cluster);
  const result: Replay = {
    connections: 0,
    unchanged: 0,
    newlyDenied: [],
    newlyAllowed: [],
    inForce: { rows: 0, disagreements: 0 },
    unjudged: 0,
  };
  const after = new Judge(cluster, candidate);
  for (const edge of replayer.edges(observed)) {
    result.connections += edge.connections;
    const wanted = replayer.verdict(after, edge);
    if (wanted === undefined) result.unjudged += edge.connections;
    else if (wanted === recordedVerdict(edge)) result.unchanged += edge.connections;
    else (wanted === "denied" ? result.newlyDenied : result.newlyAllowed).push(line(edge));
  }
  const now = new Judge(cluster, inForce);
  for (const edge of replayer.edges(observedInForce)) {
    const judged = replayer.verdict(now, edge);
    const recorded = recordedVerdict(edge);
    // An edge of which only some were denied was recorded across a change of policy.
    if (judged === undefined || (edge.denied > 0 && recorded === "allowed")) continue;
    result.inForce.rows += 1;
    if (judged !== recorded) result.inForce.disagreements += 1;
  }
  return result;
}
