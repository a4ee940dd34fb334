/**
 * Rows of `flows` per block and five minutes of a range, whole where a bound falls into them: what a
 * report says of a block is said of all of it. Written as the projection `blocks` of the table is,
 * with bounds of nothing but its keys: so every part is asked for its own count, and no row is read.
 * A row that is deleted is gone from its part's count.
 */
export function heldSql(since: string, until: string): string {
  return `SELECT node, boot_id, block, held_rows, first_time, last_time
    FROM
    (
        SELECT node, boot_id, block, toStartOfFiveMinutes(time) AS minutes, count() AS held_rows, min(time) AS first_time, max(time) AS last_time
        FROM flows
        WHERE toStartOfFiveMinutes(time) >= toStartOfFiveMinutes(${since}) AND toStartOfFiveMinutes(time) <= toStartOfFiveMinutes(${until})
        GROUP BY node, boot_id, block, minutes
    )
    WHERE last_time >= ${since} AND first_time < ${until}`;
}
