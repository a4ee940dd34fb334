import type { LedgerRange } from "../ledger.ts";

export interface Slice extends LedgerRange {
  /** A whole hour, quarter of a day or day of UTC: other questions have it too. */
  isWhole: boolean;
}

const hourUs = 3_600_000_000;

/** The range in whole days, quarters of days and hours, the largest that there are, and in what is left at its ends. */
export function slices({ since, until }: LedgerRange): Slice[] {
  const found: Slice[] = [];
  for (let from = since; from < until;) {
    const whole = [24 * hourUs, 6 * hourUs, hourUs].find(
      (size) => from % size === 0 && from + size <= until,
    );
    const next = Math.min(until, from + (whole ?? hourUs - (from % hourUs)));
    found.push({ since: from, until: next, isWhole: whole !== undefined });
    from = next;
  }
  return found;
}
