import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Bed, BedPod } from "./bed.ts";

const programs = {
  talk: new URL("talk.ts", import.meta.url).pathname,
  steady: new URL("steady.ts", import.meta.url).pathname,
  worker: new URL("worker.ts", import.meta.url).pathname,
};

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** A process in a pod's namespace; ends with `close`. */
export class PodProcess {
  readonly #child: Child;
  readonly #lines: Interface;

  constructor(pod: BedPod, program: keyof typeof programs, ...args: string[]) {
    const path = programs[program];
    const command = [`--net=/run/netns/${pod.netns}`, process.execPath, path, ...args];
    this.#child = spawn("nsenter", command, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async line(): Promise<string> {
    const [text] = (await once(this.#lines, "line")) as [string];
    return text;
  }

  /** One exchange of a `keep` process. */
  async exchange(): Promise<boolean> {
    const answer = this.line();
    this.#child.stdin.write("\n");
    return (await answer) === "yes";
  }

  /** What a `steady` process has counted; "stop": when what is under way has come through. */
  async counts<T>(how: "now" | "stop" = "now"): Promise<T> {
    const answer = this.line();
    this.#child.stdin.write(`${how}\n`);
    return JSON.parse(await answer) as T;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

export async function serve(pod: BedPod, port: number): Promise<PodProcess> {
  const server = new PodProcess(pod, "talk", "serve", String(port));
  await server.line();
  return server;
}

export async function keep(pod: BedPod, address: string, port: number): Promise<PodProcess> {
  const client = new PodProcess(pod, "talk", "keep", address, String(port));
  await client.line();
  return client;
}

/** Exchanges one after the other; returns how many were answered. */
export async function talk(
  bed: Bed,
  pod: BedPod,
  mode: "tcp" | "udp" | "burst",
  address: string,
  port: number,
  options: { count?: number; bytes?: number } = {},
): Promise<number> {
  const numbers = [port, options.count ?? 1, options.bytes ?? 100].map(String);
  const { stdout } = await bed.inPod(
    pod,
    process.execPath,
    programs.talk,
    mode,
    address,
    ...numbers,
  );
  return (JSON.parse(stdout) as { answered: number }).answered;
}
