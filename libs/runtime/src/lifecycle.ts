import type { Log } from "./log.ts";

export interface LifecycleOptions {
  log: Log;
  /** For all stops together. What has not stopped by then is left and reported. Default 10 s. */
  stopTimeoutMs?: number;
}

/** Names of what did not stop in order; empty after a clean stop. */
export interface StopOutcome {
  failed: string[];
}

/**
 * The life of a process or of a part: what was started is stopped in reverse order, once, in
 * bounded time.
 */
export interface Lifecycle {
  /** Aborted when stopping begins. */
  readonly signal: AbortSignal;
  /** Resolves when everything has been stopped. */
  readonly stopped: Promise<StopOutcome>;
  /** Adds a stop, run before those added earlier. Added while stopping, it runs at once. */
  onStop(name: string, stop: () => Promise<void> | void): void;
  /** Idempotent. Never rejects: failures are logged and named in the outcome. */
  stop(reason: string): Promise<StopOutcome>;
  /**
   * SIGINT, SIGTERM and SIGHUP stop gracefully and end the process with 0 (1 if something failed
   * to stop); a second signal ends it at once with 130. An error that nobody caught is logged
   * and stops as well, with 1. Returns how to take the handlers away.
   */
  handleSignals(exit?: (code: number) => void): () => void;
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  return new Stops(options.log, options.stopTimeoutMs ?? 10_000);
}

class Stops implements Lifecycle {
  readonly stopped: Promise<StopOutcome>;
  #controller = new AbortController();
  #stops: { name: string; stop: () => Promise<void> | void }[] = [];
  #running: Promise<StopOutcome> | undefined;
  #settle: (outcome: StopOutcome) => void = () => {};
  #log: Log;
  #timeoutMs: number;

  constructor(log: Log, timeoutMs: number) {
    this.#log = log;
    this.#timeoutMs = timeoutMs;
    this.stopped = new Promise((resolve) => (this.#settle = resolve));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  onStop(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop });
    if (this.#running) void this.#runOne(name, stop, Date.now() + this.#timeoutMs);
  }

  stop(reason: string): Promise<StopOutcome> {
    this.#running ??= this.#runAll(reason);
    return this.#running;
  }

  async #runAll(reason: string): Promise<StopOutcome> {
    this.#log.info({ reason }, "stopping");
    const deadline = Date.now() + this.#timeoutMs;
    const failed: string[] = [];
    const inOrder = this.#stops.reverse();
    this.#controller.abort(new Error(`stopping: ${reason}`));
    for (const { name, stop } of inOrder) {
      if (!(await this.#runOne(name, stop, deadline))) failed.push(name);
    }
    const outcome = { failed };
    this.#settle(outcome);
    return outcome;
  }

  async #runOne(
    name: string,
    stop: () => Promise<void> | void,
    deadline: number,
  ): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_resolve, reject) => {
        // Past the deadline everything still gets a moment, so that each is at least asked.
        const leftMs = Math.max(deadline - Date.now(), 50);
        timer = setTimeout(() => reject(new Error("it did not stop in time")), leftMs);
      });
      await Promise.race([Promise.resolve().then(stop), late]);
      return true;
    } catch (error) {
      this.#log.error({ error, part: name }, `stopping ${name} failed`);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  handleSignals(exit: (code: number) => void = (code) => process.exit(code)): () => void {
    let signals = 0;
    const end = (reason: string, code: number): void => {
      void this.stop(reason).then((outcome) => exit(outcome.failed.length > 0 ? 1 : code));
    };
    const onSignal = (signal: NodeJS.Signals): void => {
      signals += 1;
      if (signals > 1) exit(130);
      else end(signal, 0);
    };
    const onError = (error: unknown): void => {
      this.#log.fatal({ error }, "an error that nobody caught; stopping");
      end("uncaught error", 1);
    };
    const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const name of names) process.on(name, onSignal);
    process.on("uncaughtException", onError);
    process.on("unhandledRejection", onError);
    return () => {
      for (const name of names) process.off(name, onSignal);
      process.off("uncaughtException", onError);
      process.off("unhandledRejection", onError);
    };
  }
}
