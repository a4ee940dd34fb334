/** Days that a row is kept; partitions are dropped whole. */
export interface Retention {
  flowDays: number;
  minuteDays: number;
  hourDays: number;
  dayDays: number;
  eventDays: number;
  ledgerDays: number;
  deadLetterDays: number;
}

/** What is not said stays as the tables have it. */
export type RetentionChange = { [days in keyof Retention]?: Retention[days] | undefined };

/** What the tables begin with. */
export const defaultRetention: Retention = {
  flowDays: 30,
  minuteDays: 30,
  hourDays: 400,
  dayDays: 1100,
  eventDays: 90,
  ledgerDays: 90,
  deadLetterDays: 30,
};

interface Kept {
  table: string;
  time: string;
  days: keyof Retention;
}

const kept: readonly Kept[] = [
  { table: "flows", time: "toDateTime(time)", days: "flowDays" },
  { table: "edges_1m", time: "time", days: "minuteDays" },
  { table: "edges_1h", time: "time", days: "hourDays" },
  { table: "edges_1d", time: "time", days: "dayDays" },
  { table: "events", time: "toDateTime(time)", days: "eventDays" },
  { table: "ledger", time: "toDateTime(time)", days: "ledgerDays" },
  { table: "odometers", time: "toDateTime(time)", days: "ledgerDays" },
  { table: "dead_letters", time: "toDateTime(time)", days: "deadLetterDays" },
];

/**
 * Statements that bring the tables' TTL to `retention`; none for a table that has it already.
 * `definitions` maps a table to its CREATE statement.
 */
export function retentionStatements(
  retention: RetentionChange,
  definitions: ReadonlyMap<string, string>,
): string[] {
  return kept.flatMap(({ table, time, days }) => {
    if (retention[days] === undefined) return [];
    const wanted = `${time} + toIntervalDay(${retention[days]})`;
    if (definitions.get(table)?.includes(`TTL ${wanted}`)) return [];
    return [`ALTER TABLE ${table} MODIFY TTL ${wanted}`];
  });
}
