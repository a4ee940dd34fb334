import type { Command, Option } from "commander";

export interface Candidate {
  text: string;
  doc: string;
}

/** What could stand where a command line goes on. */
export type Place =
  | { kind: "candidates"; items: Candidate[] }
  /** The value of an option that only a running weir can complete; `prefix` stands before it. */
  | { kind: "asked"; option: string; value: string; prefix: string }
  /** What the shell does by itself: names of files. */
  | { kind: "files" };

/** `words` come after the program's name; the last one is being written, and may be empty. */
export function placeOf(program: Command, words: readonly string[]): Place {
  const joined = joinAssigned(words);
  const written = joined.at(-1) ?? "";
  const { command, waiting } = walk(program, joined.slice(0, -1));
  if (waiting !== undefined) return valueOf(waiting, written, "");
  const [, long, value] = /^(--[^=]+)=(.*)$/s.exec(written) ?? [];
  if (long !== undefined && value !== undefined) {
    const option = optionNamed(command, long);
    // Bash takes = for the end of a word: there only what comes after it is replaced.
    const prefix = words.at(-1) === written ? `${long}=` : "";
    return option === undefined ? { kind: "files" } : valueOf(option, value, prefix);
  }
  const items = written.startsWith("-") ? options(command) : operands(command);
  const fitting = items.filter(({ text }) => text.startsWith(written));
  return fitting.length === 0 ? { kind: "files" } : { kind: "candidates", items: fitting };
}

/** Bash hands over `--output=json` as three words. */
function joinAssigned(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [at, word] of words.entries()) {
    const isValue = words[at - 1] === "=" && at >= 2;
    if ((word === "=" || isValue) && joined.at(-1)?.startsWith("--") === true)
      joined.push(`${joined.pop()}${word}`);
    else joined.push(word);
  }
  return joined;
}

/** The command that the words come to, and the option that still waits for its value. */
function walk(
  program: Command,
  words: readonly string[],
): { command: Command; waiting: Option | undefined } {
  let command = program;
  let waiting: Option | undefined;
  for (const word of words) {
    if (waiting !== undefined) {
      waiting = undefined;
      continue;
    }
    if (word.startsWith("-")) {
      const option = optionNamed(command, word);
      if (option !== undefined && (option.required || option.optional)) waiting = option;
      continue;
    }
    command = command.commands.find((one) => one.name() === word) ?? command;
  }
  return { command, waiting };
}

function optionNamed(command: Command, word: string): Option | undefined {
  return command.options.find((one) => one.long === word || one.short === word);
}

function valueOf(option: Option, value: string, prefix: string): Place {
  const asked = option.long === "--filter" || option.long === "--by";
  if (asked) return { kind: "asked", option: option.long ?? "", value, prefix };
  const items = (option.argChoices ?? [])
    .filter((choice) => choice.startsWith(value))
    .map((choice) => ({ text: prefix + choice, doc: "" }));
  return items.length === 0 ? { kind: "files" } : { kind: "candidates", items };
}

function options(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((one) => ({ text: one.long ?? one.short ?? "", doc: one.description }));
}

/** Verbs below it, and what its first argument may be. */
function operands(command: Command): Candidate[] {
  const verbs = command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ text: one.name(), doc: one.description() }));
  const choices = command.registeredArguments.flatMap((one) => one.argChoices ?? []);
  return [...verbs, ...choices.map((text) => ({ text, doc: "" }))];
}
