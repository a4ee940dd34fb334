import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** As apps/cli/bin/weir starts them; sources are stripped once, and not in the memory of each. */
const asStationsRun = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../../build/compiled"),
  UV_THREADPOOL_SIZE: "12",
  MALLOC_ARENA_MAX: "2",
};
const stationFlags = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=4"];

/** A process of the bench that is asked over a channel: what it uses is measured by itself. */
export class Part implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;

  /** `wrapper` is a command in front, such as nsenter with its options. */
  constructor(name: string, file: string, argument: unknown, wrapper: string[] = []) {
    this.#name = name;
    const node = [process.execPath, ...stationFlags, file];
    const [command = process.execPath, ...given]: string[] = [
      ...[...wrapper, ...node],
      JSON.stringify(argument),
    ];
    this.#child = spawn(command, given, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...asStationsRun },
    });
    this.#child.on("message", (got: Answer) => this.#take(got));
    this.#child.once("exit", (code, signal) => {
      const gone = new Error(`${name} has ended: ${signal ?? code}`);
      for (const { reject } of this.#waiting.values()) reject(gone);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Calls what the process offers under this name. */
  async ask<T>(what: string, ...given: unknown[]): Promise<T> {
    const asked = Promise.withResolvers<unknown>();
    const number = this.#asked++;
    this.#waiting.set(number, asked);
    if (this.#child.exitCode !== null) throw new Error(`${this.#name} has ended`);
    this.#child.send({ number, what, given } satisfies Question);
    return (await asked.promise) as T;
  }

  #take({ number, value, error }: Answer): void {
    const asked = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(new Error(`${this.#name}: ${error}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, "exit");
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    await exited;
    clearTimeout(late);
  }
}

interface Question {
  number: number;
  what: string;
  given: unknown[];
}

interface Answer {
  number: number;
  value?: unknown;
  error?: string;
}

/** In the process: answers until whoever asks is gone, then ends. */
export function answer(
  calls: Record<string, (...given: never[]) => unknown>,
  stop: () => Promise<unknown> | void,
): void {
  process.on("message", ({ number, what, given }: Question) => {
    const call = calls[what] as ((...all: unknown[]) => unknown) | undefined;
    void (async () => {
      try {
        if (call === undefined) throw new Error(`nothing is called ${what}`);
        process.send?.({ number, value: await call(...given) } satisfies Answer);
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.send?.({ number, error: text } satisfies Answer);
      }
    })();
  });
  process.once("disconnect", () => {
    void Promise.resolve(stop()).finally(() => process.exit());
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
}

/** Processor time of a process so far, all of its threads, in seconds. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, in ticks of 10 ms: Linux has no other for user space.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process now, in MiB. */
export function rssMiBOf(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(found?.[1] ?? 0) / 1024;
}
