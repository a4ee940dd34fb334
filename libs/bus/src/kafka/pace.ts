/**
 * When the next request may go. A burst goes at once; under steady load requests that are not full
 * come at a stated rate, each with all that was gathered meanwhile: what a request costs by itself,
 * at either end, is as much as 5,000 flows in it.
 */
export class Pace {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  readonly #fullBytes: number;
  /** When the requests so far would have been, had they kept the interval. */
  #earnedMs = -Infinity;
  #lastWasFull = false;

  /** A burst is what a second allows. */
  constructor(requestsPerSecond: number, fullBytes: number) {
    this.#intervalMs = 1000 / requestsPerSecond;
    this.#burstMs = 1000 - this.#intervalMs;
    this.#fullBytes = fullBytes;
  }

  isFull(bytes: number): boolean {
    return bytes >= this.#fullBytes;
  }

  /** The rest of what made a full request has nothing to wait for. */
  delayMs(nowMs: number): number {
    if (this.#lastWasFull) return 0;
    return Math.max(0, this.#earnedMs - this.#burstMs - nowMs);
  }

  note(nowMs: number, bytes: number): void {
    const isExempt = this.#lastWasFull || this.isFull(bytes);
    this.#lastWasFull = this.isFull(bytes);
    if (!isExempt) this.#earnedMs = Math.max(this.#earnedMs, nowMs) + this.#intervalMs;
  }
}
