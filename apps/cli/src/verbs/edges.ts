import type { IncomingMessage } from "node:http";
import { type ClientOptions, lines, pages } from "../client.ts";
import { completenessOf, noteCompleteness } from "../print/completeness.ts";
import type { Format } from "../print/format.ts";
import { fittingColumns, terminalColumns } from "../print/narrow.ts";
import { printRows } from "../print/rows.ts";

export interface EdgesOptions extends ClientOptions {
  since?: string;
  until?: string;
  at?: string;
  by?: string;
  filter?: string;
  order?: string;
  limit?: number;
  each?: boolean;
  output: Format;
}

type Sums = Record<string, string | number>;

/** Without --limit. */
const defaultRows = 1000;

/** What a narrow terminal goes without first; -o csv and json have all. */
const spare = ["first", "last", "rows", "reply_packets", "packets", "reply_bytes"];

/** `weir edges`. */
export async function edges(options: EdgesOptions): Promise<void> {
  const { since, until, at, by, filter, order, limit, each, output } = options;
  const view = each ? "each" : undefined;
  const call = { path: "/v1/edges", query: { since, until, at, by, filter, order, view } };
  const rows: Sums[] = [];
  let last: IncomingMessage | undefined;
  for await (const page of pages(call, options, limit ?? defaultRows)) {
    last = page;
    for await (const line of lines(page)) rows.push(JSON.parse(line) as Sums);
  }
  const all = Object.keys(rows[0] ?? {});
  const names = output === "table" ? fittingColumns(all, rows, spare, terminalColumns()) : all;
  printRows(rows, { names, cells: (row) => names.map((name) => row[name]) }, output);
  if (rows.length === 0) process.stderr.write("no flow in that time\n");
  if (last?.headers["weir-truncated"] !== undefined)
    process.stderr.write(`only the largest ${rows.length} rows; raise --limit for more\n`);
  noteBucket(last?.headers["weir-bucket"]);
  if (last !== undefined) noteCompleteness(completenessOf(last));
}

/** Whoever asks for a moment is told when it is not of that minute. */
function noteBucket(bucket: string | string[] | undefined): void {
  const [, size, from] = /^(hour|day) (.*)\//.exec(String(bucket ?? "")) ?? [];
  if (size !== undefined && from !== undefined)
    process.stderr.write(`of the whole ${size} from ${from}: nothing finer of then is kept\n`);
}
