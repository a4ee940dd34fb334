interface Entry {
  answer: Promise<unknown>;
  /** Milliseconds since 1970. */
  untilMs: number;
}

/** Answers that are given again for a while, also to whoever asks before the first one is there. */
export class Remembered {
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  readonly #onForgotten: () => void;

  constructor(maxEntries: number, onForgotten: () => void) {
    this.#maxEntries = maxEntries;
    this.#onForgotten = onForgotten;
  }

  /** Asks unless the answer is known; `keptMs` says of an answer how long it is given again. */
  once<T>(key: string, ask: () => Promise<T>, keptMs: (answer: T) => number): Promise<T> {
    const known = this.#entries.get(key);
    if (known !== undefined && known.untilMs > Date.now()) return known.answer as Promise<T>;
    const answer = ask();
    const entry: Entry = { answer, untilMs: Infinity };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#trim();
    answer.then(
      (value) => (entry.untilMs = Date.now() + keptMs(value)),
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return answer;
  }

  /** Those that were asked first go first. */
  #trim(): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries) return;
      this.#entries.delete(oldest);
      this.#onForgotten();
    }
  }
}
