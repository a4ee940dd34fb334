/** Runs one piece of work after the other, in the order of the calls, whether or not they fail. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when everything taken so far is over. */
  async over(): Promise<void> {
    await this.#last;
  }
}
