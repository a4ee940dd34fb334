import type { ReachAnswer } from "@weir/api";
import { sanitize } from "@weir/runtime";
import { type ClientOptions, ask } from "../client.ts";
import { noteCompleteness } from "../print/completeness.ts";
import type { Format } from "../print/format.ts";
import { printObject } from "../print/rows.ts";
import { cellText, tableText } from "../print/table.ts";

export interface ReachOptions extends ClientOptions {
  to: string;
  at?: string;
  port?: number;
  protocol?: string;
  output: Format;
}

/** `weir reach`. */
export async function reach(options: ReachOptions): Promise<void> {
  const { to, at, port, protocol } = options;
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
  const documents = texts.map(({ policy, from, until, text: yaml }) => {
    const end = until === null ? "in force since" : `in force until ${until}, since`;
    return sanitize(`\n# ${policy}, ${end} ${from}\n${yaml.trimEnd()}\n`);
  });
  const stopped = mode === "enforce" ? "" : `; the mode was ${mode}: nothing was stopped`;
  const head = sanitize(`${to} at ${at}, generation ${generation}${stopped}\n`);
  return `${head}${tableText(["from", "port", "verdict", "because"], rows)}${documents.join("")}`;
}
