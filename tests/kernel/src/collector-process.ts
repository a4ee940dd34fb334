import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Bed } from "./bed.ts";
import type { CollectorTask } from "./run-collector.ts";

const program = new URL("run-collector.ts", import.meta.url).pathname;

export type CollectorProcessOptions = Pick<CollectorTask, "hook" | "pods" | "user">;

/** A collector as a process of its own, on a bus of its own, to be killed. */
export class CollectorProcess {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  /** What it said last. */
  said = "";
  readonly #watching: Promise<void>;

  constructor(bed: Bed, options: CollectorProcessOptions = {}) {
    const { node, runDirectory, pins: pinDirectory } = bed;
    const task: CollectorTask = { node, runDirectory, pinDirectory, ...options };
    this.#child = spawn(process.execPath, [program, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: this.#child.stdout });
    this.#watching = new Promise((resolve, reject) => {
      lines.on("line", (text) => {
        this.said = text;
        if (text === "watching") resolve();
      });
      lines.on("close", () => reject(new Error(`it ended after it said "${this.said}"`)));
    });
    this.#watching.catch(() => {});
  }

  static async start(bed: Bed, options?: CollectorProcessOptions): Promise<CollectorProcess> {
    const started = new CollectorProcess(bed, options);
    await started.watching();
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  watching(): Promise<void> {
    return this.#watching;
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
