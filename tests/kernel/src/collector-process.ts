import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Bed } from "./bed.ts";

const program = new URL("run-collector.ts", import.meta.url).pathname;

/** A collector as a process of its own, on a bus of its own, to be killed. */
export class CollectorProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(bed: Bed): Promise<CollectorProcess> {
    const args = [program, bed.node, bed.runDirectory, bed.pins];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    if (!said.toString().startsWith("watching")) throw new Error(`it said ${said.toString()}`);
    return new CollectorProcess(child);
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
