import { Argument, type Command } from "commander";
import { shells } from "../completion/scripts.ts";

/** Completion of command lines in shells. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("a script that lets a shell complete verbs, flags and filters")
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
    .addHelpText(
      "after",
      `
Names that filters ask for come from the weir that runs.

Example:
  weir completion bash > ~/.local/share/bash-completion/completions/weir
  source <(weir completion bash)        only this shell`,
    )
    .action(async (shell: (typeof shells)[number]) => {
      const { scripts } = await import("../completion/scripts.ts");
      process.stdout.write(scripts[shell]);
    });
  program
    .command("complete", { hidden: true })
    .description(
      "what could stand at the end of a command line; for the scripts of weir completion",
    )
    .argument("[words...]", "as far as they are written, without the first")
    .passThroughOptions()
    .addHelpText("after", "\nExample:\n  weir complete -- flows --ver")
    .action(async (words: string[]) => (await import("./complete.ts")).complete(program, words));
}
