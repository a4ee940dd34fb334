import {
  type LedgerQuestion,
  ledgerParameters,
  type LedgerRow,
  ledgerSql,
  lookBack,
  micros,
  reportsSql,
} from "../ledger.ts";
import type { Statement } from "../statement.ts";
import { heldSql } from "./held.ts";

/** A node reports at least this often: flows this near to a report of it are not without one. */
const reportGraceSeconds = 120;

/** What `completenessQuery` gives: `LedgerRow`, and one without a boot for a node that never reported. */
export type CompletenessRow = LedgerRow;

/**
 * What every node made of a range and what the store holds of it, and the nodes that have flows in
 * it and no report. Records younger than `settleSeconds` are left out: they are on their way.
 */
export function completenessQuery(question: LedgerQuestion): Statement {
  const none = "CAST(map(), 'Map(LowCardinality(String), UInt64)')";
  return {
    sql: `SELECT * FROM (
${ledgerSql}
)
UNION ALL
SELECT node, '' AS boot_id, 0 AS produced, 0 AS stored, ${none} AS lost, ${none} AS lost_before
FROM (SELECT DISTINCT node FROM (${heldSql(micros("since"), `least(${micros("until")}, ${micros("settled")})`)}))
WHERE node NOT IN (
    SELECT node FROM ledger
    WHERE time >= ${micros("since")} - toIntervalSecond(${reportGraceSeconds})
      AND time < ${micros("until")} + toIntervalSecond(${reportGraceSeconds})
)`,
    parameters: ledgerParameters(question),
  };
}

/** A node, and whether all that it made in a range is certainly there. */
export interface CertainRow {
  node: string;
  certain: boolean;
}

/** How far before a range its first report and rows are looked for. */
const nearSeconds = 60;

/**
 * The nodes of a range (`CertainRow`), at a fraction of what `completenessQuery` costs. Certain is a node
 * that ran through, lost nothing, and whose rows of the blocks between its last report before the
 * range and the last one in it are as many as it says. Of the others nothing is known.
 */
export function certainQuery(question: LedgerQuestion): Statement {
  const near = `${micros("since")} - toIntervalSecond(${nearSeconds})`;
  const isBefore = `time < ${micros("since")}`;
  return {
    sql: `WITH marks AS
(
    SELECT
        node, boot_id,
        countIf(NOT (${isBefore})) AS reports,
        argMaxIf((produced, counters['last_block']), time, ${isBefore}) AS first,
        argMax((produced, counters['last_block']), time) AS last,
        countIf(${isBefore}) > 0
          AND min(counters['last_block'] - blocks) = max(counters['last_block'] - blocks)
          AND max(produced) = last.1
          AND min(arraySum(mapValues(lost))) = max(arraySum(mapValues(lost)))
          AND min(mapContains(counters, 'last_block')) AS ran_through
    FROM ledger
    WHERE time >= ${near} AND time < ${micros("settled")}
    GROUP BY node, boot_id
    HAVING reports > 0
),
blocks AS
(
    ${heldSql(near, micros("until"))}
),
held AS
(
    SELECT node, boot_id, sumIf(held_rows, blocks.block > marks.first.2 AND blocks.block <= marks.last.2) AS stored
    FROM blocks
    INNER JOIN marks USING (node, boot_id)
    GROUP BY node, boot_id
)
SELECT marks.node AS node, min(ran_through AND marks.last.1 - marks.first.1 = held.stored) AS certain
FROM marks
LEFT JOIN held ON held.node = marks.node AND held.boot_id = marks.boot_id
GROUP BY node
UNION ALL
SELECT DISTINCT node, false AS certain
FROM (${heldSql(micros("since"), `least(${micros("until")}, ${micros("settled")})`)})
WHERE node NOT IN (SELECT node FROM marks)`,
    parameters: ledgerParameters(question),
  };
}

/** Between which reports of a node something is missing; RFC 3339. */
export interface GapRow {
  node: string;
  from: string;
  to: string;
}

/** When it was that records were lost or did not come, a row per node (`GapRow`). Looks at every report. */
export function gapsQuery(question: LedgerQuestion): Statement {
  return {
    sql: `WITH ${reportsSql},
steps AS
(
    SELECT
        node, boot_id, time, time_before, block,
        if(began_anew, total, total - total_before) AS handed,
        if(began_anew, block - sent, block_before) AS first_block,
        arraySum(mapValues(lost)) > if(counts_from_one, 0, arraySum(mapValues(lost_earlier))) AS has_lost
    FROM reports
    WHERE time >= ${micros("since")}
),
blocks AS
(
    SELECT node, boot_id, toInt64(held.block) AS block, sum(held.held_rows) AS held_rows
    FROM (${heldSql(`${micros("since")} - ${lookBack}`, micros("until"))}) AS held
    GROUP BY node, boot_id, block
),
held AS
(
    SELECT node, boot_id, steps.time AS time, sumIf(held_rows, blocks.block > steps.first_block) AS stored
    FROM blocks
    ASOF INNER JOIN (SELECT * FROM steps WHERE handed > 0) AS steps ON blocks.node = steps.node AND blocks.boot_id = steps.boot_id AND blocks.block <= steps.block
    GROUP BY node, boot_id, time
)
SELECT node, min(greatest(steps.time_before, ${micros("since")})) AS from, max(steps.time) AS to
FROM steps
LEFT JOIN held ON held.node = steps.node AND held.boot_id = steps.boot_id AND held.time = steps.time
WHERE has_lost OR handed != stored
GROUP BY node`,
    parameters: ledgerParameters(question),
  };
}

/** Microseconds since 1970; 0: there is none. */
export interface KeptRow {
  first_flow: number;
  first_report: number;
  /** Days after which flows, minutes and hours of edges are dropped; 0: never. */
  flow_days: number;
  minute_days: number;
  hour_days: number;
}

/** How far back there is something to ask (`KeptRow`). Reads no rows. */
export function keptQuery(): Statement {
  const days = (table: string) =>
    `maxIf(days, name IN ('${table}', '${table}_local')) AS ${table}_days`;
  return {
    sql: `WITH kept AS
(
    SELECT name, toUInt32OrZero(extract(engine_full, 'toIntervalDay\\\\((\\\\d+)\\\\)')) AS days
    FROM system.tables
    WHERE database = currentDatabase()
)
SELECT
    (SELECT toUnixTimestamp64Micro(min(time)) FROM flows) AS first_flow,
    (SELECT toUnixTimestamp64Micro(min(time)) FROM ledger) AS first_report,
    flows_days AS flow_days, edges_1m_days AS minute_days, edges_1h_days AS hour_days
FROM (SELECT ${days("flows")}, ${days("edges_1m")}, ${days("edges_1h")} FROM kept)`,
    parameters: {},
  };
}
