import { QuestionError } from "./question-error.ts";
import type { Conditions } from "./statement.ts";

/** Microseconds since 1970; `until` is not part of the range. */
export interface TimeRange {
  since: number;
  until?: number | undefined;
}

/** Restricts `column` (DateTime64 or DateTime) to the range. Throws QuestionError for an empty one. */
export function addRange(conditions: Conditions, column: string, range: TimeRange): void {
  if (range.until !== undefined && range.until <= range.since)
    throw new QuestionError("the time range is empty: --until must be later than --since");
  conditions.add(`${column} >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')`, {
    since: Math.round(range.since),
  });
  if (range.until !== undefined)
    conditions.add(`${column} < fromUnixTimestamp64Micro({until:Int64}, 'UTC')`, {
      until: Math.round(range.until),
    });
}
