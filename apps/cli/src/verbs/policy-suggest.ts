import type { SuggestionLine } from "@weir/api";
import { sanitize, sanitizeJson } from "@weir/runtime";
import { type ClientOptions, body, open } from "../client.ts";
import { CommandError, exitCodes } from "../exit.ts";
import { completenessOf, noteCompleteness } from "../print/completeness.ts";
import type { Format } from "../print/format.ts";

interface SuggestOptions extends ClientOptions {
  namespace?: string;
  workload?: string;
  since: string;
  output: Format;
}

/** `weir policy suggest`: policies to stdout, what was left out and why to stderr. */
export async function policySuggest(options: SuggestOptions): Promise<void> {
  const { namespace, workload, since } = options;
  const query = { namespace, workload, since };
  const response = await open({ path: "/v1/suggestions", query }, options);
  const suggestions = JSON.parse(await body(response)) as SuggestionLine[];
  const policies = suggestions.filter((one) => one.text !== "");
  for (const { text } of policies) {
    if (options.output === "yaml") process.stdout.write(`---\n${sanitize(text.trimEnd())}\n`);
  }
  if (options.output === "json") {
    for (const one of suggestions) process.stdout.write(`${sanitizeJson(JSON.stringify(one))}\n`);
  }
  for (const { namespace: of, workload: name, leftOut } of suggestions) {
    for (const why of leftOut)
      process.stderr.write(`${sanitize(`${of}/${name}: left out ${why}`, true)}\n`);
  }
  noteCompleteness(completenessOf(response));
  if (policies.length === 0) {
    const what = workload ?? namespace ?? "any workload";
    throw new CommandError(
      `nothing was seen of ${what} since ${since} that a policy could rest on; weir flows shows what was`,
      exitCodes.denied,
    );
  }
}
