export interface PaceOptions {
  /** From the first signal to the run. */
  settleMs: number;
  /** Between the ends of two runs; nine times the last run's length where that is more. */
  minIntervalMs: number;
  /** Never rejects. True: everything is done. False: try again. */
  run(): Promise<boolean>;
}

/** Many signals, few runs: the last signal is always followed by a run, and runs never overlap. */
export class Pace {
  readonly #options: PaceOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #signalled = false;
  #notBeforeMs = 0;
  #stopped = false;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  signal(): void {
    this.#signalled = true;
    this.#arm();
  }

  #arm(): void {
    if (
      this.#stopped ||
      !this.#signalled ||
      this.#timer !== undefined ||
      this.#running !== undefined
    )
      return;
    const delayMs = Math.max(this.#options.settleMs, this.#notBeforeMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#run();
    }, delayMs);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    this.#signalled = false;
    const begun = performance.now();
    if (!(await this.#options.run())) this.#signalled = true;
    const ended = performance.now();
    this.#notBeforeMs = ended + Math.max(this.#options.minIntervalMs, 9 * (ended - begun));
    this.#running = undefined;
    this.#arm();
  }

  /** No run begins any more; resolves when the one under way has ended, or after the time. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    let late: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#running,
      new Promise((resolve) => {
        late = setTimeout(resolve, timeoutMs);
      }),
    ]);
    clearTimeout(late);
  }
}
