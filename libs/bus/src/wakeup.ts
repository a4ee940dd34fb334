/** A bell for one sleeper: a ring while nobody sleeps is kept, several are one. */
export class Wakeup {
  #rung = false;
  #sleeper: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#sleeper?.();
  }

  /** Resolves at the next ring, at once if there was one since the last `wait`. */
  async wait(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#sleeper = resolve;
      });
    }
    this.#sleeper = undefined;
    this.#rung = false;
  }
}

/** False when the time was up first. The timer does not outlive the promise. */
export async function within(timeoutMs: number, promise: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), timeoutMs);
  try {
    return await Promise.race([promise.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
