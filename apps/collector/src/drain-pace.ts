export interface DrainPaceOptions {
  /** Shortest and longest time between two drains. */
  minMs: number;
  maxMs: number;
  /** What the ring holds. */
  ringRecords: number;
}

/** So much of the ring may fill up until the next drain, if things go on as they did. */
const share = 1 / 8;

/**
 * How long the ring may be left alone. A wake-up costs the same for one record as for a thousand, so
 * a quiet node is woken seldom; a busy one often enough that a burst of eight times the rate fits.
 */
export class DrainPace {
  readonly #options: DrainPaceOptions;

  constructor(options: DrainPaceOptions) {
    this.#options = options;
  }

  /** Milliseconds until the next drain, after one that found so many records in so long. */
  next(found: number, elapsedMs: number): number {
    const { minMs, maxMs, ringRecords } = this.#options;
    if (found === 0) return Math.max(minMs, maxMs);
    const wantedMs = Math.floor((ringRecords * share * Math.max(elapsedMs, 1)) / found);
    return Math.max(minMs, Math.min(maxMs, wantedMs));
  }
}
