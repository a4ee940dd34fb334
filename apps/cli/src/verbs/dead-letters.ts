import type { DeadLetterLine, ReplayedLetter } from "@weir/api";
import { type ClientOptions, ask, lines, open, whoAsks } from "../client.ts";
import { exitCodes } from "../exit.ts";
import type { Format } from "../print/format.ts";
import { type Columns, printRows } from "../print/rows.ts";

export interface ListOptions extends ClientOptions {
  since?: string;
  until?: string;
  topic?: string;
  limit?: number;
  output: Format;
}

const letterColumns: Columns<DeadLetterLine> = {
  names: ["time", "letter", "function", "bytes", "reason"],
  cells: ({ time, letter, function: by, bytes, reason }) => [time, letter, by, bytes, reason],
};
const replayedColumns: Columns<ReplayedLetter> = {
  names: ["letter", "outcome", "rows", "because"],
  cells: ({ letter, outcome, rows, because }) => [letter, outcome, rows, because],
};

/** `weir dead-letters list`. */
export async function listLetters(options: ListOptions): Promise<void> {
  const { since, until, topic, limit, output } = options;
  const query = { since, until, topic, limit };
  const response = await open({ path: "/v1/dead-letters", query }, options);
  const rows: DeadLetterLine[] = [];
  for await (const line of lines(response)) rows.push(JSON.parse(line) as DeadLetterLine);
  if (rows.length > 0 || output !== "table") printRows(rows, letterColumns, output);
  if (rows.length === 0) process.stderr.write("no message was set aside in that time\n");
  const truncated = response.headers["weir-truncated"];
  if (typeof truncated === "string")
    process.stderr.write(`only the newest ${truncated} letters; raise --limit for more\n`);
}

/** `weir dead-letters replay`. */
export async function replayLetters(
  letters: string[],
  options: ClientOptions & { output: Format },
): Promise<void> {
  const headers = { "weir-user": whoAsks() };
  const path = "/v1/dead-letters/replay";
  const call = { method: "POST", path, body: { letters }, headers } as const;
  const replayed = await ask<ReplayedLetter[]>(call, options);
  printRows(replayed, replayedColumns, options.output);
  const isDone = replayed.every(({ outcome }) => /^(already-)?stored$/.test(outcome));
  if (!isDone) process.exitCode = exitCodes.failed;
}
