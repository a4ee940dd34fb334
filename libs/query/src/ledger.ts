import { QuestionError } from "./question-error.ts";
import type { Statement } from "./statement.ts";

/** Reports as young as this may be of flows that are still on their way into the store. */
export const defaultSettleSeconds = 5;

/** Microseconds since 1970. */
export interface LedgerRange {
  since: number;
  until: number;
}

export interface LedgerQuestion extends LedgerRange {
  settleSeconds?: number;
}

/** What one boot of a node reported and what the store holds of it. */
export interface LedgerRow {
  node: string;
  boot_id: string;
  produced: number;
  stored: number;
  /** Totals at the end of the range, and just before it. */
  lost: Record<string, number>;
  lost_before: Record<string, number>;
  reports: number;
}

export interface LedgerNode {
  node: string;
  bootId: string;
  /** Records that the collector handed to the bus in the range. */
  produced: number;
  /** Rows of these that are in the store. */
  stored: number;
  /** Records lost on their way to the bus, by cause; causes with none are left out. */
  lost: Record<string, number>;
  /** Handed to the bus, and not in the store. */
  unexplained: number;
  complete: boolean;
}

export interface LedgerAnswer {
  /** RFC 3339. */
  from: string;
  to: string;
  nodes: LedgerNode[];
}

/**
 * One row per node and boot (`LedgerRow`). The range is cut at reports: what was produced between
 * the last report before it and the last one in it is held against the rows of just the blocks
 * that went out in between (the counter `last_block`). Where a collector does not report that
 * counter, rows are held against reports by time, which is as exact as the reports are frequent.
 */
export function ledgerQuery(question: LedgerQuestion): Statement {
  const settled = question.until - (question.settleSeconds ?? defaultSettleSeconds) * 1_000_000;
  if (question.until <= question.since)
    throw new QuestionError("the time range is empty: --until must be later than --since");
  const sql = `WITH reports AS
(
    SELECT
        node, boot_id, time, produced, lost,
        counters['last_block'] AS block,
        lagInFrame(time) OVER earlier AS time_before,
        lagInFrame(produced) OVER earlier AS produced_before,
        lagInFrame(lost) OVER earlier AS lost_earlier,
        lagInFrame(counters['last_block']) OVER earlier AS block_before
    FROM ledger
    WHERE time < fromUnixTimestamp64Micro({settled:Int64}, 'UTC')
      AND time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC') - INTERVAL 1 DAY
    WINDOW earlier AS (PARTITION BY node, boot_id ORDER BY time ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
),
spans AS
(
    SELECT
        node, boot_id,
        sum(toUInt64(if(produced >= produced_before, produced - produced_before, toInt64(produced)))) AS handed,
        argMax(lost, time) AS lost_now,
        argMin(lost_earlier, time) AS lost_then,
        count() AS reports,
        min(time_before) AS began,
        max(time) AS ended,
        argMin(block_before, time) AS first_block,
        max(block) AS last_block
    FROM reports
    WHERE time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
    GROUP BY node, boot_id
),
held AS
(
    SELECT node, boot_id, count() AS held_rows
    FROM flows
    INNER JOIN spans USING (node, boot_id)
    WHERE flows.time >= fromUnixTimestamp64Micro({since:Int64}, 'UTC') - INTERVAL 1 DAY
      AND flows.time < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
      AND if(last_block > 0, flows.block > first_block AND flows.block <= last_block, flows.time > began AND flows.time <= ended)
    GROUP BY node, boot_id
)
SELECT
    spans.node AS node,
    spans.boot_id AS boot_id,
    spans.handed AS produced,
    held.held_rows AS stored,
    spans.lost_now AS lost,
    spans.lost_then AS lost_before,
    spans.reports AS reports
FROM spans
LEFT JOIN held ON held.node = spans.node AND held.boot_id = spans.boot_id
ORDER BY node, boot_id`;
  return { sql, parameters: { since: question.since, until: question.until, settled } };
}

/** Rows of `ledgerQuery` as `weir ledger -o json` prints them. */
export function ledgerAnswer(range: LedgerRange, rows: LedgerRow[]): LedgerAnswer {
  return {
    from: new Date(range.since / 1000).toISOString(),
    to: new Date(range.until / 1000).toISOString(),
    nodes: rows.map((row) => {
      const lost = lostBetween(row.lost_before, row.lost);
      const unexplained = Math.max(0, row.produced - row.stored);
      return {
        node: row.node,
        bootId: row.boot_id,
        produced: row.produced,
        stored: row.stored,
        lost,
        unexplained,
        complete: unexplained === 0 && Object.keys(lost).length === 0,
      };
    }),
  };
}

function lostBetween(
  before: Record<string, number>,
  after: Record<string, number>,
): Record<string, number> {
  const lost: Record<string, number> = {};
  for (const [cause, total] of Object.entries(after)) {
    const earlier = before[cause] ?? 0;
    // A counter that went back belongs to a process that began again.
    const count = total >= earlier ? total - earlier : total;
    if (count > 0) lost[cause] = count;
  }
  return lost;
}
