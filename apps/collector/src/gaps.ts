const windowMs = 2000;

/** The longest time between two calls, of those in this window and in the one before. */
export class Gaps {
  #last: number | undefined;
  #windowBegan = 0;
  #longest = 0;
  #longestBefore = 0;

  /** Now, in milliseconds of a clock that never goes back; returns the longest in whole milliseconds. */
  note(now: number): number {
    const gap = now - (this.#last ?? now);
    this.#last = now;
    if (now - this.#windowBegan >= windowMs) {
      this.#longestBefore = now - this.#windowBegan < 2 * windowMs ? this.#longest : 0;
      this.#longest = 0;
      this.#windowBegan = now;
    }
    this.#longest = Math.max(this.#longest, gap);
    return Math.ceil(Math.max(this.#longest, this.#longestBefore));
  }
}
