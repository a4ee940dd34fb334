import { spawn } from "node:child_process";
import { LabError } from "./lab-error.ts";
import { heldLock } from "./lab-lock.ts";

/** Longest any of the lab's own commands may take before it is killed. */
const COMMAND_TIMEOUT_MS = 30_000;
/** Most of a command's output that is kept, in characters. */
const OUTPUT_MAX = 4 * 1024 * 1024;

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. Never rejects for an exit code; rejects if it cannot be started. */
export function run(command: string, args: string[], input = ""): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe", heldLock() ?? "ignore"],
      timeout: COMMAND_TIMEOUT_MS,
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (stdout.length < OUTPUT_MAX) stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (stderr.length < OUTPUT_MAX) stderr += text;
    });
    child.on("error", (cause) =>
      reject(new LabError("failed", `cannot run ${command}`, { cause })),
    );
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // A command may end before it has read everything: its exit code says what happened.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** As `run`, but an exit code other than 0 is an error that carries the command's own words. */
export async function runChecked(command: string, args: string[], input = ""): Promise<string> {
  const result = await run(command, args, input);
  if (result.code === 0) return result.stdout;
  const words = (result.stderr || result.stdout).trim();
  throw new LabError("failed", `${command} ${args.join(" ")}: ${words} (exit ${result.code})`);
}
