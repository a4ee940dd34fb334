import {
  type CertainRow,
  type Completeness,
  type CompletenessRow,
  type Counted,
  type Filter,
  type GapRow,
  type KeptRow,
  type LedgerQuestion,
  type LedgerRange,
  type Slice,
  type Statement,
  certainQuery,
  completenessQuery,
  concernsNode,
  counted,
  defaultSettleSeconds,
  gapsQuery,
  keptQuery,
  slices,
  tooRecent,
  verdictOf,
} from "@weir/query";
import type { Metrics } from "@weir/runtime";
import type { Store } from "@weir/store";
import type { ApiConfig } from "./config.ts";
import { Remembered } from "./remembered.ts";

/** Microseconds since 1970. Without `since`, of all that is kept; without `until`, up to now. */
export interface HistoryRange {
  since?: number | undefined;
  until?: number | undefined;
  filter?: Filter | undefined;
}

/** The ledger's verdict on ranges of the history. */
export interface HistoryCompleteness extends AsyncDisposable {
  /** Never throws and never takes longer than `maxWaitMs`: what is not known then is unknown. */
  of(range: HistoryRange): Promise<Completeness>;
  /** How far back there is something, as of a few seconds ago. */
  kept(): Promise<KeptRow>;
}

/** Answers that are the same for whoever asks in the same second. */
const recentMs = 1000;
/** How far back there is something changes slowly, once there is something. */
const keptMs = 10_000;
/** A whole hour or day with nothing missing is looked at again after that: rows may be deleted. */
const settledMs = 600_000;
/** One with something missing: that may have been on its way. */
const troubledMs = 10_000;
const second = 1_000_000;
const reportedUs = defaultSettleSeconds * second;
const dayUs = 86_400 * second;

/**
 * Counts ranges in hours and days and remembers these, so that a month costs no more than its first
 * asking. A statement at a time for each question; those that take too long are counted to the end
 * for whoever asks next.
 */
export function createCompleteness(
  store: Store,
  config: ApiConfig["completeness"],
  metrics: Metrics,
): HistoryCompleteness {
  const counters = metrics.part("completeness");
  const closing = new AbortController();
  const remembered = new Remembered(config.maxRememberedParts, () => counters.dropped("forgotten"));
  const running = new Set<Promise<unknown>>();
  const kept = () =>
    remembered.once(
      "kept",
      () => readKept(store, closing.signal),
      ({ first_flow, first_report }) => (first_flow > 0 && first_report > 0 ? keptMs : recentMs),
    );
  const part = (slice: Slice, settled: number) =>
    remembered.once(
      `${slice.since}-${slice.until}`,
      () => count(store, slice, settled, closing.signal),
      ({ gaps }) => {
        if (!slice.isWhole || slice.until > settled) return recentMs;
        return gaps.size > 0 ? troubledMs : settledMs;
      },
    );
  const whole = async (asked: HistoryRange): Promise<Completeness> => {
    const plan = planOf(asked, await kept(), Date.now());
    const parts: Counted[] = [];
    for (const slice of plan.slices) parts.push(await part(slice, plan.settled));
    return verdictOf(plan, parts);
  };
  return {
    kept,
    async of(asked) {
      if (running.size >= config.maxCounting) {
        counters.dropped("busy");
        return unknown(asked, "too many ranges are being counted; ask again in a moment");
      }
      const counting = whole(asked).catch((error: unknown) => {
        counters.error("store");
        return unknown(asked, `the ledger could not be read: ${messageOf(error)}`);
      });
      running.add(counting);
      void counting.then(() => running.delete(counting));
      return first(counting, config.maxWaitMs, () => {
        counters.dropped("late");
        return unknown(asked, "it is still being counted; ask again in a moment");
      });
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all(running);
    },
  };
}

async function readKept(store: Store, signal: AbortSignal): Promise<KeptRow> {
  const { sql, parameters } = keptQuery();
  const [row] = await store.query<KeptRow>(sql, { parameters, signal });
  return row ?? { first_flow: 0, first_report: 0, flow_days: 0, minute_days: 0, hour_days: 0 };
}

/** What a part has; counted in full only where that is not certain at a glance. */
async function count(
  store: Store,
  range: LedgerRange,
  settled: number,
  signal: AbortSignal,
): Promise<Counted> {
  const settleSeconds = Math.max(0, (range.until - settled) / second);
  const ask = async <Row>(of: (question: LedgerQuestion) => Statement): Promise<Row[]> => {
    const { sql, parameters } = of({ ...range, settleSeconds });
    return store.query<Row>(sql, { parameters, signal });
  };
  const nodes = await ask<CertainRow>(certainQuery);
  if (nodes.every(({ certain }) => certain))
    return { reported: new Set(nodes.map(({ node }) => node)), gaps: new Map() };
  const rows = await ask<CompletenessRow>(completenessQuery);
  const inFull = counted(range, rows);
  return inFull.gaps.size === 0 ? inFull : counted(range, rows, await ask<GapRow>(gapsQuery));
}

interface Plan extends LedgerRange {
  slices: Slice[];
  settled: number;
  concerns: (node: string) => boolean;
  because: string | undefined;
}

/** Which parts are counted, and why that is not all where it is not. */
function planOf({ since, until, filter }: HistoryRange, kept: KeptRow, nowMs: number): Plan {
  const now = Math.floor(nowMs / 1000) * second;
  const settled = now - defaultSettleSeconds * second;
  const begun = Math.min(...[kept.first_flow, kept.first_report].filter((time) => time > 0), now);
  const dropped = kept.flow_days === 0 ? 0 : now - kept.flow_days * dayUs;
  const from = Math.floor((since ?? Math.max(begun, dropped)) / second) * second;
  const to = Math.max(from + second, Math.ceil((until ?? now) / second) * second);
  // Before anything was written there is nothing that could be missing.
  const least = Math.floor(Math.max(begun, dropped) / second) * second;
  const isDropped = begun < dropped && from < dropped && to > begun;
  // What was seen at the end of the range is reported a moment later.
  const within = { since: Math.max(from, least), until: Math.min(to + reportedUs, now + second) };
  return {
    since: from,
    until: to,
    slices: slices(within).filter((slice) => slice.since < settled),
    settled,
    concerns: (node) => filter === undefined || concernsNode(filter, node),
    because: isDropped
      ? `flows from before ${new Date(dropped / 1000).toISOString()} are kept as sums only`
      : begun < now && within.since >= settled
        ? tooRecent
        : undefined,
  };
}

function unknown({ since, until }: HistoryRange, because: string): Completeness {
  const now = Date.now() * 1000;
  const to = until ?? now;
  const range = { since: since ?? 0, until: to, settled: to };
  return verdictOf({ ...range, because }, []);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function first<T>(answer: Promise<T>, maxWaitMs: number, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), maxWaitMs);
  });
  try {
    return await Promise.race([answer, waited]);
  } finally {
    clearTimeout(timer);
  }
}
