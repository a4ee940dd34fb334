/** Rounds of work, one after the other. */
export interface Turns {
  /** Runs after all that was added before. Rejects with what the round threw. */
  add<T>(round: () => Promise<T>): Promise<T>;
  /** As add, for nobody who waits: its error goes to `onError`. */
  addAlone(round: () => Promise<void>): void;
  /** As add, but left out while a round runs or waits. Its error goes to `onError`. */
  addUnlessWaiting(round: () => Promise<void>): void;
}

export function createTurns(onError: (error: unknown) => void): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const add = <T>(round: () => Promise<T>): Promise<T> => {
    waiting++;
    const run = last.then(round).finally(() => waiting--);
    last = run.catch(() => {});
    return run;
  };
  return {
    add,
    addAlone(round) {
      add(round).catch(onError);
    },
    addUnlessWaiting(round) {
      if (waiting === 0) add(round).catch(onError);
    },
  };
}
