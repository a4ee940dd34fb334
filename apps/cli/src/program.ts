import { Command, CommanderError } from "commander";
import { sanitize } from "@weir/runtime";
import { CommandError, exitCodes } from "./exit.ts";
import { addCompletion } from "./verbs/completion-commands.ts";
import { addDeadLetters } from "./verbs/dead-letter-commands.ts";
import { addLab } from "./verbs/lab-commands.ts";
import { addPolicy } from "./verbs/policy-commands.ts";
import { addQuestions } from "./verbs/question-commands.ts";
import { addStations } from "./verbs/station-commands.ts";
import { version } from "@weir/runtime";

const overview = `
Start here:
  weir up --lab shop                    watch the demo shop until Ctrl-C
  weir flows --since 1m                 who talked to whom
  weir sql 'SELECT ...'                 ask anything; weir sql --tables teaches the schema
  weir policy suggest --namespace shop  the policy that what was seen calls for

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 denied or not found where a question was asked.
WEIR_API, WEIR_TOKEN_FILE   which weir to ask, and with what; default: the one that runs on this machine
NO_COLOR                    no colours`;

/** Every verb. What a verb needs is imported when it runs, so that each starts fast. */
export function createProgram(): Command {
  const program = new Command("weir")
    .description("Sees every network flow, and turns what it saw into policy in the kernel.")
    .version(version)
    .helpCommand(true)
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", overview);
  addStations(program);
  addQuestions(program);
  addDeadLetters(program);
  addPolicy(program);
  addLab(program);
  addCompletion(program);
  settle(program);
  return program;
}

/** Commander's own errors become exceptions, everywhere in the tree. */
function settle(command: Command): void {
  command.exitOverride().showHelpAfterError("(--help shows how, with an example)");
  for (const child of command.commands) settle(child);
}

/** Runs one command line; resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  leaveQuietlyWhenNobodyReads();
  const program = createProgram();
  try {
    await program.parseAsync(args, { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : exitCodes.done;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  // Commander has printed its message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`weir: ${sanitize(message)}\n`);
  if (error instanceof Error && process.env["WEIR_DEBUG"]) {
    process.stderr.write(`${sanitize(error.stack ?? "")}\n`);
  }
  if (error instanceof CommandError) return error.exitCode;
  return error instanceof Error && error.name === "ConfigError"
    ? exitCodes.usage
    : exitCodes.failed;
}

/** `weir flows | head` closes the pipe: that is the end, not an error. */
function leaveQuietlyWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(exitCodes.done);
      throw error;
    });
  }
}
