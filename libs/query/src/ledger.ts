import { heldSql } from "./completeness/held.ts";
import { QuestionError } from "./question-error.ts";
import type { Statement } from "./statement.ts";

/** Reports as young as this may be of flows that are still on their way into the store. */
export const defaultSettleSeconds = 5;

/**
 * Causes that take records which had a block's number: they are among what was produced. Every
 * other cause takes what was never a record: connections that found no room in the kernel's map (`map`),
 * or whose interface had its share of it (`map_share`).
 */
const numberedCauses = ["spool", "spool_damaged", "dead_letter"];

/** Microseconds since 1970. */
export interface LedgerRange {
  since: number;
  until: number;
}

export interface LedgerQuestion extends LedgerRange {
  settleSeconds?: number;
}

/** What one run of a collector reported in the range, and what the store holds of it. */
export interface LedgerRow {
  node: string;
  boot_id: string;
  produced: number;
  stored: number;
  /** Totals at the end of the range, and just before it. */
  lost: Record<string, number>;
  lost_before: Record<string, number>;
}

export interface LedgerNode {
  node: string;
  bootId: string;
  /** Records that the collector made into blocks, as far as the bus has come. */
  produced: number;
  /** Rows of these that are in the store. */
  stored: number;
  /** Records lost on their way, by cause; causes with none are left out. */
  lost: Record<string, number>;
  /** Produced, not in the store, and of no cause. */
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
 * One row per run of a collector (`LedgerRow`). The range is cut at reports: what was handed to the
 * bus between the last report before it and the last one in it is held against the rows of just
 * the blocks that went out in between. For that a collector reports the number of its latest block
 * (counter `last_block`); `last_block - blocks` tells one process from the next. Where there is no
 * such counter, rows are held against reports by time, as exact as the reports are frequent.
 */
export function ledgerQuery(question: LedgerQuestion): Statement {
  return { sql: ledgerSql, parameters: ledgerParameters(question) };
}

/** Values of what `ledgerSql` and `reportsSql` leave open. */
export function ledgerParameters(question: LedgerQuestion): Record<string, number> {
  const { since, until, settleSeconds = defaultSettleSeconds } = question;
  if (until <= since)
    throw new QuestionError("the time range is empty: --until must be later than --since");
  const settled = until - settleSeconds * 1_000_000;
  return { since, until, settled };
}

/** How far before a range reports and rows are looked for: so long may a block wait for the bus. */
export const lookBack = "INTERVAL 1 DAY";

/** Reports, each with what it tells beyond the one before it of the same boot. */
export const reportsSql = `reports AS
(
    SELECT
        node, boot_id, time, lost,
        toInt64(produced) AS total,
        toInt64(blocks) AS sent,
        toInt64(counters['last_block']) AS block,
        lagInFrame(time) OVER earlier AS time_before,
        lagInFrame(total) OVER earlier AS total_before,
        lagInFrame(sent) OVER earlier AS sent_before,
        lagInFrame(lost) OVER earlier AS lost_earlier,
        lagInFrame(block) OVER earlier AS block_before,
        mapContains(counters, 'last_block') AS has_number,
        toUnixTimestamp(time_before) = 0
          OR total < total_before OR sent < sent_before
          OR has_number AND block - sent != block_before - sent_before AS began_anew,
        has_number AND began_anew AND block = sent AS counts_from_one
    FROM ledger
    WHERE time < ${micros("settled")}
      AND time >= ${micros("since")} - ${lookBack}
    WINDOW earlier AS (PARTITION BY node, boot_id ORDER BY time ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
)`;

/** Around the time that a letter names the rows of its block lie, as the enricher looks for them. */
const letterMargin = "INTERVAL 2 HOUR";

/** What is further ahead the enricher refuses whenever it comes; a time that cannot be read is 0. */
const canBeStored = "toUnixTimestamp(about) > 86400 AND about < now64(6, 'UTC') + INTERVAL 1 DAY";

const runFields = [
  ...["node", "boot_id", "run", "handed", "lost_now", "lost_then", "no_earlier"],
  ...["first_block", "last_block", "by_number", "began", "ended"],
];

/**
 * Runs are counted once (`all_runs`; the engine would count them wherever they are named), and rows by
 * what each part of the table has counted of its blocks. Where there are no numbers, or they began anew
 * within a boot (`odd`), rows are looked at one by one.
 *
 * A block that was refused for its clock (`letters`) is lost only until it is replayed: its rows are then
 * counted wherever their times lie, which may be past what the reports of its clock say.
 */
export const ledgerSql = `WITH ${reportsSql},
numbered AS
(
    SELECT
        *,
        sum(began_anew) OVER so_far AS run,
        max(if(counts_from_one, time_before, toDateTime64(0, 6, 'UTC'))) OVER so_far AS no_earlier
    FROM reports
    WINDOW so_far AS (PARTITION BY node, boot_id ORDER BY time ASC)
),
counted_runs AS
(
    SELECT
        node, boot_id, run,
        sum(if(began_anew, total, total - total_before)) AS handed,
        argMax(lost, time) AS lost_now,
        argMin(if(counts_from_one, mapFilter((cause, n) -> 0, lost), lost_earlier), numbered.time) AS lost_then,
        min(numbered.no_earlier) AS no_earlier,
        argMin(if(began_anew, block - sent, block_before), numbered.time) AS first_block,
        max(block) AS last_block,
        min(has_number) AS by_number,
        min(time_before) AS began,
        max(numbered.time) AS ended
    FROM numbered
    WHERE time >= ${micros("since")}
    GROUP BY node, boot_id, run
),
(SELECT groupArray((${runFields.join(", ")})) FROM counted_runs) AS all_runs,
runs AS
(
    SELECT ${runFields.map((name, at) => `one_run.${at + 1} AS ${name}`).join(", ")}
    FROM (SELECT arrayJoin(all_runs) AS one_run)
),
odd AS
(
    SELECT DISTINCT node, boot_id FROM runs WHERE NOT by_number OR toUnixTimestamp(no_earlier) > 0
),
letters AS
(
    SELECT node, boot_id, block, refused, min(about) AS about
    FROM
    (
        SELECT
            extractGroups(reason, 'is of (\\\\S+): check the clock of (.+) \\\\(block (\\\\d+) of boot (.+), (\\\\d+) flows\\\\)$') AS parts,
            parseDateTime64BestEffortOrZero(parts[1], 6, 'UTC') AS about,
            parts[2] AS node, parts[4] AS boot_id, toUInt64OrZero(parts[3]) AS block, toInt64OrZero(parts[5]) AS refused
        FROM dead_letters
        WHERE topic = 'weir.flows.v1'
          AND time >= ${micros("since")} - ${lookBack}
          AND length(parts) = 5
    )
    GROUP BY node, boot_id, block, refused
),
held AS
(
    SELECT node, boot_id, run, sum(held_rows) AS held_rows
    FROM
    (
        SELECT node, boot_id, run, parts.held_rows AS held_rows
        FROM (${heldSql(`${micros("since")} - ${lookBack}`, micros("until"))}) AS parts
        INNER JOIN runs USING (node, boot_id)
        WHERE (node, boot_id) NOT IN odd
          AND parts.block > first_block AND parts.block <= last_block
          AND (node, boot_id, parts.block) NOT IN (SELECT node, boot_id, block FROM letters)
        UNION ALL
        SELECT node, boot_id, run, toUInt64(1) AS held_rows
        FROM flows
        INNER JOIN runs USING (node, boot_id)
        WHERE (SELECT count() FROM odd) > 0
          AND (node, boot_id) IN odd
          AND (node, boot_id, flows.block) NOT IN (SELECT node, boot_id, block FROM letters)
          AND flows.time >= ${micros("since")} - ${lookBack}
          AND flows.time < ${micros("until")}
          AND if(by_number,
                 flows.block > first_block AND flows.block <= last_block AND flows.time > no_earlier AND flows.time <= ended + INTERVAL 1 SECOND,
                 flows.time > began AND flows.time <= ended)
    )
    GROUP BY node, boot_id, run
),
replayed AS
(
    SELECT node, boot_id, block, time, true AS is_there
    FROM flows
    WHERE (node, boot_id, block) IN (SELECT node, boot_id, block FROM letters)
      AND time >= (SELECT minIf(about, ${canBeStored}) FROM letters) - ${letterMargin}
      AND time <= (SELECT maxIf(about, ${canBeStored}) FROM letters) + ${letterMargin}
),
refused_blocks AS
(
    SELECT node, boot_id, run, block, refused, about
    FROM letters
    INNER JOIN runs USING (node, boot_id)
    WHERE letters.block > first_block AND letters.block <= last_block
    ORDER BY abs(dateDiff('second', ended, about))
    LIMIT 1 BY node, boot_id, block, refused
),
refused AS
(
    SELECT node, boot_id, run, sum(greatest(refused - there, 0)) AS refused_rows, sum(there) AS replayed_rows
    FROM
    (
        SELECT
            node, boot_id, run, block, refused,
            countIf(is_there AND replayed.time >= about - ${letterMargin} AND replayed.time <= about + ${letterMargin}) AS there
        FROM refused_blocks
        LEFT JOIN replayed USING (node, boot_id, block)
        GROUP BY node, boot_id, run, block, refused
    )
    GROUP BY node, boot_id, run
)
SELECT
    runs.node AS node,
    runs.boot_id AS boot_id,
    runs.handed AS produced,
    held.held_rows + refused.replayed_rows AS stored,
    mapUpdate(runs.lost_now, map('dead_letter', toUInt64(refused.refused_rows))) AS lost,
    runs.lost_then AS lost_before
FROM runs
LEFT JOIN held ON held.node = runs.node AND held.boot_id = runs.boot_id AND held.run = runs.run
LEFT JOIN refused ON refused.node = runs.node AND refused.boot_id = runs.boot_id AND refused.run = runs.run
ORDER BY node, boot_id, runs.run`;

/** Rows of `ledgerQuery` as `weir ledger -o json` prints them. */
export function ledgerAnswer(range: LedgerRange, rows: LedgerRow[]): LedgerAnswer {
  const boots = Map.groupBy(rows, (row) => `${row.node}\n${row.boot_id}`);
  return {
    from: new Date(range.since / 1000).toISOString(),
    to: new Date(range.until / 1000).toISOString(),
    nodes: [...boots.values()].map(nodeAnswer),
  };
}

function nodeAnswer(runs: LedgerRow[]): LedgerNode {
  const answer: LedgerNode = {
    node: runs[0]?.node ?? "",
    bootId: runs[0]?.boot_id ?? "",
    produced: 0,
    stored: 0,
    lost: {},
    unexplained: 0,
    complete: true,
  };
  for (const run of runs) {
    answer.produced += run.produced;
    answer.stored += run.stored;
    const lost = lostBetween(run.lost_before, run.lost);
    const explained = numberedCauses.reduce((sum, cause) => sum + (lost[cause] ?? 0), 0);
    answer.unexplained += Math.max(0, run.produced - run.stored - explained);
    // More rows than were produced is no loss, but it may hide one.
    if (run.produced !== run.stored) answer.complete = false;
    for (const [cause, count] of Object.entries(lost))
      answer.lost[cause] = (answer.lost[cause] ?? 0) + count;
  }
  if (Object.keys(answer.lost).length > 0) answer.complete = false;
  return answer;
}

/** A parameter in microseconds as the time it stands for. */
export function micros(parameter: string): string {
  return `fromUnixTimestamp64Micro({${parameter}:Int64}, 'UTC')`;
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
