import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { LabError } from "./lab-error.ts";
import { findLab, findPods } from "./find-pod.ts";
import { spawnInPod } from "./pod-process.ts";
import { defaultRunDirectory } from "./run-directory.ts";

/** Characters of output kept of a command whose output is taken. */
const OUTPUT_MAX = 4 * 1024 * 1024;

export interface LabExecOptions {
  /** `namespace/pod`, or `namespace/workload` for its first pod. */
  pod: string;
  command: string[];
  /** Name of the lab; not needed while there is one only. */
  name?: string;
  runDirectory?: string;
  /** `inherit`: the command has this process's terminal, and the result no output. */
  stdio?: "inherit" | "pipe";
  /** Given to the command where its output is taken. */
  input?: string;
}

export interface LabExecResult {
  /** Exit code; 128 + 9 and the like when a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of this machine in a pod: its network, names, resolver and cgroup. */
export async function labExec(options: LabExecOptions): Promise<LabExecResult> {
  const { runDirectory = defaultRunDirectory(), stdio = "pipe" } = options;
  if (options.command.length === 0)
    throw new LabError("invalid", "no command: weir lab exec NS/POD -- COMMAND");
  const lab = findLab(runDirectory, options.name);
  const pod = findPods(lab, options.pod)[0];
  if (pod === undefined) throw new LabError("not-found", `no pod ${options.pod}`);
  const child = spawnInPod(runDirectory, lab.lab, pod, options.command, {
    stdio: stdio === "inherit" ? "inherit" : "pipe",
    env: { ...process.env, HOSTNAME: pod.name },
    detached: false,
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      if (output[name].length < OUTPUT_MAX) output[name] += text;
    });
  }
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  const settled = stdio === "inherit" ? passSignals(child) : () => {};
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  settled();
  return { code: code ?? 128 + signalNumber(signal), ...output };
}

/**
 * Whoever ends this process means the command. Ctrl-C at a terminal reaches the command by itself.
 * Returns what undoes it.
 */
function passSignals(child: ChildProcess): () => void {
  const names: NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGINT"];
  const pass = (name: NodeJS.Signals): void => {
    if (name !== "SIGINT" || !process.stdin.isTTY) child.kill(name);
  };
  for (const name of names) process.on(name, pass);
  return () => {
    for (const name of names) process.off(name, pass);
  };
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : (constants.signals[signal] ?? 0);
}
