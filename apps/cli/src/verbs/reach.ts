import type { ReachAnswer, ReachBetweenAnswer } from "@weir/api";
import { sanitize } from "@weir/runtime";
import { type ClientOptions, ask } from "../client.ts";
import { usageError } from "../exit.ts";
import { noteCompleteness } from "../print/completeness.ts";
import type { Format } from "../print/format.ts";
import { printObject } from "../print/rows.ts";
import { cellText, tableText } from "../print/table.ts";

export interface ReachOptions extends ClientOptions {
  to: string;
  at?: string;
  since?: string;
  until?: string;
  port?: number;
  protocol?: string;
  output: Format;
}

/** `weir reach`. */
export async function reach(options: ReachOptions): Promise<void> {
  const { to, at, since, until, port, protocol } = options;
  if (until !== undefined && since === undefined)
    throw usageError("--until ends a range; give --since as well, or --at");
  if (since !== undefined) {
    const query = { to, since, until, port, protocol };
    const answer = await ask<ReachBetweenAnswer>({ path: "/v1/reach/between", query }, options);
    printObject(answer, options.output, () => betweenText(answer));
    noteCompleteness(answer.completeness);
    return;
  }
  const answer = await ask<ReachAnswer>(
    { path: "/v1/reach", query: { to, at, port, protocol } },
    options,
  );
  printObject(answer, options.output, () => text(answer));
  noteCompleteness(answer.completeness);
}

function text({ at, to, mode, generation, reach: lines, texts }: ReachAnswer): string {
  const rows = lines.map((line) => [
    cellText(line.from),
    cellText(`${line.port}/${line.protocol}`),
    line.verdict,
    cellText(line.because.join("; ")),
  ]);
  const stopped = mode === "enforce" ? "" : `; the mode was ${mode}: nothing was stopped`;
  const head = sanitize(`${to} at ${at}, generation ${generation}${stopped}\n`);
  return `${head}${tableText(["from", "port", "verdict", "because"], rows)}${documents(texts)}`;
}

function documents(texts: ReachAnswer["texts"]): string {
  const parts = texts.map(({ policy, from, until, text: yaml }) => {
    const end = until === null ? "in force since" : `in force until ${until}, since`;
    return sanitize(`\n# ${policy}, ${end} ${from}\n${yaml.trimEnd()}\n`);
  });
  return parts.join("");
}

function betweenText({ to, since, until, reach: periods, texts }: ReachBetweenAnswer): string {
  const rows = periods.map((period) => [
    cellText(period.from),
    cellText(`${period.port}/${period.protocol}`),
    period.mode === "enforce" ? period.verdict : cellText(`${period.verdict} (${period.mode})`),
    cellText(period.since),
    cellText(period.until),
    cellText(period.because.join("; ")),
  ]);
  const names = ["from", "port", "verdict", "since", "until", "because"];
  const head = sanitize(`${to} from ${since} to ${until}\n`);
  return `${head}${tableText(names, rows)}${documents(texts)}`;
}
