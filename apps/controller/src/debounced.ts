/**
 * Runs a task a moment after it was asked for, one run at a time: what is asked for during a run
 * makes one more run. The moment does not grow with further requests.
 */
export class Debounced {
  #task: () => Promise<void>;
  #delayMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** `task` must not reject. */
  constructor(delayMs: number, task: () => Promise<void>) {
    this.#delayMs = delayMs;
    this.#task = task;
  }

  request(): void {
    if (this.#closed) return;
    if (this.#running) this.#again = true;
    else this.#timer ??= setTimeout(() => this.#start(), this.#delayMs);
  }

  /** Resolves when everything asked for so far has been done. */
  async settled(): Promise<void> {
    while (this.#timer !== undefined || this.#running !== undefined) {
      await (this.#running ?? new Promise((resolve) => setTimeout(resolve, this.#delayMs)));
    }
  }

  /** Waits for the run in hand; nothing runs afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  #start(): void {
    this.#timer = undefined;
    this.#running = this.#task().finally(() => {
      this.#running = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.request();
    });
  }
}
