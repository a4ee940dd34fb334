import type { Command } from "commander";
import { outputOption } from "../print/format.ts";
import { apiOption, wholeNumber } from "./options.ts";

/** Messages that a function could not take. */
export function addDeadLetters(program: Command): void {
  const letters = program
    .command("dead-letters")
    .description("messages that could not be stored: which, why, and again");
  letters
    .command("list")
    .description("each with where it was, who gave it up and why")
    .option("--since <time>", "from then on: a duration or RFC 3339 (default: 7d)")
    .option("--until <time>", "until then: a duration ago, or RFC 3339")
    .option("--topic <name>", "only of this topic, such as weir.flows.v1")
    .option("--limit <n>", "at most so many, the newest (default: 1000)", wholeNumber(1, 10_000))
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
LETTER is TOPIC:PARTITION:OFFSET of the message; its bytes are in the table dead_letters.

Example:
  weir dead-letters list --since 24h --topic weir.flows.v1`,
    )
    .action(async (options) => (await import("./dead-letters.ts")).listLetters(options));
  letters
    .command("replay")
    .description("put the bytes of letters back on their topic, and wait until they are stored")
    .argument("<letters...>", "as weir dead-letters list shows them; 100 at most")
    .addOption(outputOption())
    .addOption(apiOption())
    .addHelpText(
      "after",
      `
For what a later version can read, or a clock that was wrong for a while. Blocks of flows only: they
carry numbers, so that each is stored once however often it is replayed. Of other letters, and of
those that this version cannot read, it says why not. Exit code 0 when all are stored, else 1.

Examples:
  weir dead-letters replay weir.flows.v1:0:17
  weir dead-letters list --topic weir.flows.v1 -o json | jq -r .letter | xargs weir dead-letters replay`,
    )
    .action(async (names: string[], options) =>
      (await import("./dead-letters.ts")).replayLetters(names, options),
    );
}
