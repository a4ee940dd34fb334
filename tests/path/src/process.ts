import { type ChildProcess, spawn } from "node:child_process";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../../..");
const launcher = join(root, "apps/cli/bin/weir");

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `weir ARGS` to its end; rejects only when it does not end in `timeoutMs`. */
export function weir(args: string[], options: RunOptions = {}): Promise<Finished> {
  return run(launcher, args, options);
}

export interface RunOptions {
  input?: string;
  env?: Record<string, string>;
  timeoutMs?: number;
}

export function run(command: string, args: string[], options: RunOptions = {}): Promise<Finished> {
  const { input, env, timeoutMs = 60_000 } = options;
  return new Promise((resolveRun, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${command} ${args.join(" ")} did not end:\n${stdout}\n${stderr}`));
    }, timeoutMs);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolveRun({ code, stdout, stderr });
    });
    // A command that ends without reading is no error of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}

/** Runs and throws unless it ended with 0; resolves with stdout. */
export async function ok(args: string[], options: RunOptions = {}): Promise<string> {
  const finished = await weir(args, options);
  if (finished.code !== 0) {
    throw new Error(
      `weir ${args.join(" ")} ended with ${finished.code}\n${finished.stdout}\n${finished.stderr}`,
    );
  }
  return finished.stdout;
}

/** A long-running process of this test, ended by its own id. */
export class Station implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly #name: string;
  #output = "";

  constructor(command: string, args: string[], env: Record<string, string> = {}) {
    this.#name = `${command} ${args.join(" ")}`;
    this.child = spawn(command, args, {
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    this.child.stderr?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    this.exited = new Promise((done) => this.child.on("close", (code) => done(code)));
  }

  static weir(args: string[], env: Record<string, string> = {}): Station {
    return new Station(launcher, args, env);
  }

  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until the output matches; fails early when the process ends first. */
  async says(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpMatchArray> {
    return eventually(() => {
      const match = this.#output.match(pattern);
      if (match) return match;
      if (!this.running)
        throw new Final(`${this.#name} ended before it said ${pattern}:\n${this.#output}`);
      throw new Error(`${this.#name} has not said ${pattern}:\n${this.#output.slice(-4000)}`);
    }, timeoutMs);
  }

  /** Sends the signal and waits for the end; resolves with the exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs = 30_000): Promise<number | null> {
    if (this.running) this.child.kill(signal);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.child.kill("SIGKILL");
        reject(new Error(`${this.#name} did not stop on ${signal}:\n${this.#output.slice(-4000)}`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.stop("SIGKILL");
  }
}

/** An error that waiting longer does not mend. */
export class Final extends Error {}

/** Calls until it no longer throws; the last error is thrown when the time is over. */
export async function eventually<T>(
  attempt: () => Promise<T> | T,
  timeoutMs = 30_000,
  everyMs = 150,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Final || Date.now() > deadline) throw error;
      await new Promise((done) => setTimeout(done, everyMs));
    }
  }
}

/** Rows of newline-delimited JSON. */
export function rows<Row = Record<string, unknown>>(text: string): Row[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Row);
}
