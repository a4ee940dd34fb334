import type { LedgerRange } from "../ledger.ts";

export interface Slice extends LedgerRange {
  /** A whole hour or day of UTC: other questions have it too. */
  isWhole: boolean;
}

const hourUs = 3_600_000_000;
const dayUs = 86_400_000_000;

/** The range in whole days, in whole hours where it has no whole day, and in what is left at its ends. */
export function slices({ since, until }: LedgerRange): Slice[] {
  const found: Slice[] = [];
  for (let from = since; from < until;) {
    const whole = [dayUs, hourUs].find((size) => from % size === 0 && from + size <= until);
    const next = Math.min(until, from + (whole ?? hourUs - (from % hourUs)));
    found.push({ since: from, until: next, isWhole: whole !== undefined });
    from = next;
  }
  return found;
}
