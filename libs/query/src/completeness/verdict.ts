import { type LedgerRange, ledgerAnswer } from "../ledger.ts";
import type { CompletenessRow, GapRow } from "./questions.ts";

/** What is wrong with one node's part of an answer. */
export interface NodeGap {
  node: string;
  /** Records lost, by cause. */
  lost: Record<string, number>;
  /** Made, not in the store, and of no cause: lost, or still on their way. */
  unexplained: number;
  /** It has flows in the range and no report that they could be held against. */
  unreported?: true;
  /** Between which of its reports; RFC 3339. */
  from?: string;
  to?: string;
}

/** Whether an answer has everything that nodes made in its range. */
export interface Completeness {
  verdict: "complete" | "incomplete" | "unknown";
  /** The range that this is about, RFC 3339. */
  from: string;
  to: string;
  /** Of SQL: no plain bound says where it begins, so this is about all that is kept. */
  sinceAlways?: true;
  /** From then on records may still be on their way: nothing is said of them. */
  pending?: string;
  lost: Record<string, number>;
  unexplained: number;
  /** Those with something missing, the worst first. */
  nodes: NodeGap[];
  /** Further ones of these. */
  moreNodes?: number;
  /** In words, where it is not known. */
  because?: string;
}

/** What was counted of a part of a range. */
export interface Counted {
  /** Nodes that reported. */
  reported: Set<string>;
  gaps: Map<string, NodeGap>;
}

/** Nodes named at most. */
const maxNodes = 8;

/** Rows of `completenessQuery`, and where something is missing those of `gapsQuery`. */
export function counted(
  range: LedgerRange,
  rows: CompletenessRow[],
  times: readonly GapRow[] = [],
): Counted {
  const reported = new Set<string>();
  const gaps = new Map<string, NodeGap>();
  const { nodes } = ledgerAnswer(
    range,
    rows.filter((row) => row.boot_id !== ""),
  );
  for (const { node, lost, unexplained, complete } of nodes) {
    reported.add(node);
    if (!complete) addGap(gaps, { node, lost, unexplained });
  }
  for (const { node, boot_id } of rows)
    if (boot_id === "") addGap(gaps, { node, lost: {}, unexplained: 0, unreported: true });
  for (const { node, from, to } of times)
    if (gaps.has(node)) addGap(gaps, { node, lost: {}, unexplained: 0, from, to });
  return { reported, gaps };
}

function addGap(gaps: Map<string, NodeGap>, more: NodeGap): void {
  const gap = gaps.get(more.node);
  if (gap === undefined) {
    gaps.set(more.node, { ...more, lost: { ...more.lost } });
    return;
  }
  gap.unexplained += more.unexplained;
  if (more.unreported) gap.unreported = true;
  addLost(gap.lost, more.lost);
  if (more.from !== undefined && (gap.from === undefined || more.from < gap.from))
    gap.from = more.from;
  if (more.to !== undefined && (gap.to === undefined || more.to > gap.to)) gap.to = more.to;
}

function addLost(lost: Record<string, number>, more: Record<string, number>): void {
  for (const [cause, count] of Object.entries(more)) lost[cause] = (lost[cause] ?? 0) + count;
}

export interface VerdictQuestion extends LedgerRange {
  /** Microseconds since 1970: what is younger may still be on its way. */
  settled: number;
  /** Nodes that the question can be about. */
  concerns?: ((node: string) => boolean) | undefined;
  /** Why a part of the range cannot be judged. */
  because?: string | undefined;
}

/** The verdict over parts that together are the range. */
export function verdictOf(question: VerdictQuestion, parts: readonly Counted[]): Completeness {
  const { since, until, settled, concerns = () => true } = question;
  const gaps = new Map<string, NodeGap>();
  for (const part of parts)
    for (const gap of part.gaps.values()) if (concerns(gap.node)) addGap(gaps, gap);
  const reported = parts.some((part) => [...part.reported].some((node) => concerns(node)));
  const all = [...gaps.values()].toSorted((a, b) => missing(b) - missing(a));
  const lost: Record<string, number> = {};
  for (const gap of all) addLost(lost, gap.lost);
  const because = question.because ?? whyUnknown(question, reported, all);
  const isShort = all.some((gap) => gap.unreported !== true || missing(gap) > 0);
  const verdict = isShort ? "incomplete" : because === undefined ? "complete" : "unknown";
  return {
    verdict,
    from: rfc3339(since),
    to: rfc3339(until),
    ...(settled < until ? { pending: rfc3339(Math.max(settled, since)) } : {}),
    lost,
    unexplained: all.reduce((sum, gap) => sum + gap.unexplained, 0),
    nodes: all.slice(0, maxNodes),
    ...(all.length > maxNodes ? { moreNodes: all.length - maxNodes } : {}),
    ...(verdict === "unknown" && because !== undefined ? { because } : {}),
  };
}

/** Why nothing is said of the last seconds. */
export const tooRecent = "it is so recent that flows may still be on their way";

function whyUnknown(
  { since, settled }: VerdictQuestion,
  reported: boolean,
  gaps: readonly NodeGap[],
): string | undefined {
  if (settled <= since) return tooRecent;
  const [silent, ...others] = gaps.filter((gap) => gap.unreported);
  if (silent !== undefined)
    return `there are flows of node ${silent.node}${others.length > 0 ? ` and ${others.length} others` : ""} and no report of how many it made`;
  return reported ? undefined : "no node reported in that time";
}

/** Records that are not there, as far as that is known. */
export function missing({ lost, unexplained }: Pick<NodeGap, "lost" | "unexplained">): number {
  return Object.values(lost).reduce((sum, count) => sum + count, unexplained);
}

function rfc3339(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
