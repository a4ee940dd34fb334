import { StoreError } from "../error.ts";

/** Lets `width` through at a time; the others wait in order, at most `maxWaiting` of them. */
export class Turnstile {
  readonly #width: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(width: number, maxWaiting: number) {
    this.#width = width;
    this.#maxWaiting = maxWaiting;
  }

  /** Throws StoreError `busy` when too many wait already. */
  async enter(): Promise<Disposable> {
    if (this.#inside >= this.#width) {
      if (this.#waiting.length >= this.#maxWaiting)
        throw new StoreError(
          "busy",
          `${this.#maxWaiting} statements are waiting for the engine already: try again in a moment`,
        );
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#inside++;
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        const next = this.#waiting.shift();
        if (next === undefined) this.#inside--;
        else next();
      },
    };
  }
}
