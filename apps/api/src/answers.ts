/** The shapes that the API answers with; schemas/api/openapi.yaml describes them for others. */

import type { Explanation } from "@weir/policy";
import type { Completeness } from "@weir/query";

export type { Explanation } from "@weir/policy";
export type { Completeness, EventLine, FlowEnd, FlowLine, LedgerAnswer } from "@weir/query";

export interface CollectorStatus {
  node: string;
  attached: string[];
  /** `ok`, or `missing: reason`. */
  hooks: Record<string, string>;
  lost: Record<string, number>;
  /** Interfaces that wanted more than their share since their node began to watch, the worst first. */
  beyondShare?: BeyondShare[];
  generation: number;
  /** What it does at its pods: the mode of the policy, or what its configuration limits it to. */
  mode: string;
  error?: string;
}

export interface BeyondShare {
  /** `namespace/pod`, else the interface's name. */
  who: string;
  /** Connections that were only counted, and the packets of these: in no flow. */
  untrackedConnections: number;
  untrackedPackets: number;
  /** Edges whose counts came later, with the sweep: nothing is lost. */
  lateEdges: number;
}

export interface Status {
  ready: boolean;
  version: string;
  collectors: CollectorStatus[];
  bus: { kind: string; lag: number };
  store: { kind: string; rows: number };
  policy: {
    generation: number;
    mode: string;
    policies: number;
    /** Policies that are wanted and not in force, and nodes that hold an older one: why. */
    problems: string[];
  };
  /** What is not ready, and why. */
  waitingFor: string[];
}

/** By the policies of one generation. */
export interface ExplainAnswer extends Explanation {
  generation: number;
  /** Whose addresses and labels: those of `now`, or of the time at which that generation ended. */
  pods: string;
  /** Of that generation; in observe and shadow nothing is stopped. */
  mode: string;
}

/** A policy that is wanted. */
export interface PolicyLine {
  namespace: string;
  name: string;
  shadow: boolean;
  /** Its text is part of the compiled set. */
  inForce: boolean;
  /** Why it is not. */
  problem?: string;
  changed: string;
  author: string;
  text: string;
}

/** One generation. */
export interface HistoryLine {
  generation: number;
  time: string;
  mode: string;
  policies: number;
  added: string[];
  changed: string[];
  removed: string[];
}

export interface SuggestionLine {
  namespace: string;
  workload: string;
  /** The NetworkPolicy as YAML. */
  text: string;
  leftOut: string[];
}

/** Connections that policies would judge otherwise than the kernel did. */
export interface ReplayLine {
  from: string;
  to: string;
  port: number;
  protocol: string;
  connections: number;
  /** RFC 3339. */
  first: string;
  last: string;
}

/** What policies would have done to recorded connections. */
export interface ReplayAnswer {
  connections: number;
  unchanged: number;
  newlyDenied: ReplayLine[];
  newlyAllowed: ReplayLine[];
  /** Edges seen under the generation in force, and those that its policies judge otherwise. */
  inForce: { rows: number; disagreements: number };
  /** Connections of pods that are gone, or of a protocol that policies have no word for. */
  unjudged: number;
  /** The ledger of the range is complete, and everything in it was judged. */
  complete: boolean;
  completeness: Completeness;
}

/** Whether the pods of a workload could reach those of another, on one port. */
export interface ReachLine {
  /** `namespace/workload` */
  from: string;
  port: number;
  protocol: string;
  /** `some`: some pairs of pods could. */
  verdict: "allowed" | "denied" | "some";
  /** Of each side: the rules that allowed it, or the reason. */
  because: string[];
  /** Policies that allowed or isolated, `namespace/name`; `texts` has them. */
  policies: string[];
}

/** Who could reach a workload at a time. */
export interface ReachAnswer {
  /** RFC 3339. */
  at: string;
  to: string;
  /** Of the generation in force then; in observe and shadow nothing was stopped. */
  mode: string;
  generation: number;
  reach: ReachLine[];
  texts: { policy: string; from: string; until: string | null; text: string }[];
  /** Of the minute that ends then. */
  completeness: Completeness;
}

/** A line of reach with the time that it held. */
export interface ReachPeriod extends ReachLine {
  /** In observe and shadow nothing was stopped. */
  mode: string;
  /** RFC 3339. */
  since: string;
  until: string;
}

/** Who could reach a workload within a range. */
export interface ReachBetweenAnswer {
  to: string;
  /** RFC 3339. */
  since: string;
  until: string;
  reach: ReachPeriod[];
  texts: ReachAnswer["texts"];
  completeness: Completeness;
}

/** A statement that runs. */
export interface RunningLine {
  id: string;
  /** Who the client says it is. */
  askedBy: string;
  /** Where it was asked from. */
  address: string;
  query: string;
  seconds: number;
  readRows: number;
  /** An estimate; 0: not known. */
  totalRows: number;
  memoryBytes: number;
}

export interface TableLine {
  name: string;
  doc: string;
  columns?: { name: string; type: string; doc: string }[];
}

/** What came of a change of policy. */
export interface EnactedAnswer {
  generation: number;
  mode: string;
  /** Nodes whose kernel holds it. Empty where no collector runs: it is kept, and enforced by the next. */
  nodes: string[];
  /** `namespace/name` */
  applied: string[];
  deleted: string[];
  /** False: it was all in force already. */
  changed: boolean;
  warnings: string[];
}

/** `GET /v1/complete`: what is typed from `from` to the position is replaced by an item. */
export interface CompletionAnswer {
  from: number;
  items: { text: string; doc: string }[];
}

/** A message that a function could not take. */
export interface DeadLetterLine {
  /** TOPIC:PARTITION:OFFSET, where the message was. */
  letter: string;
  /** RFC 3339: when it was given up. */
  time: string;
  function: string;
  reason: string;
  /** Of the message. */
  bytes: number;
  /** Why it cannot be replayed; absent: that can be tried. */
  cannot?: string;
}

/** What came of replaying one letter. */
export interface ReplayedLetter {
  letter: string;
  /** `sent`: not confirmed in time. */
  outcome: "stored" | "already-stored" | "refused-again" | "sent" | "cannot";
  /** Flows in it, where that is known. */
  rows?: number;
  /** Why it is not stored. */
  because?: string;
}
