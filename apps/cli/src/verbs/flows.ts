import type { FlowLine } from "@weir/api";
import { sanitizeJson } from "@weir/runtime";
import { type Call, type ClientOptions, lines, open } from "../client.ts";
import { usageError } from "../exit.ts";
import { completenessOf, noteCompleteness } from "../print/completeness.ts";
import { csvLine } from "../print/csv.ts";
import { flowColumns, flowHeading, flowLayout, flowText, liveLayout } from "../print/flow.ts";
import { type Format, colourWanted } from "../print/format.ts";
import { narrowed, terminalColumns } from "../print/narrow.ts";
import { printRows } from "../print/rows.ts";
import { followTail } from "./follow.ts";

export interface FlowsOptions extends ClientOptions {
  since?: string;
  until?: string;
  at?: string;
  from?: string;
  to?: string;
  namespace?: string;
  port?: number;
  protocol?: string;
  verdict?: string;
  filter?: string;
  limit?: number;
  follow?: boolean;
  output: Format;
}

/** `weir flows`. */
export async function flows(options: FlowsOptions): Promise<void> {
  if (options.follow && options.until !== undefined) {
    throw usageError("--follow goes on from now; it cannot be given together with --until");
  }
  if (!options.follow) return history(options);
  const { since, limit, output } = options;
  const [query, print] = [filters(options), printer(output)];
  await followTail({ path: "/v1/flows", query, since, limit, what: "flows", print }, options);
}

function filters(options: FlowsOptions): NonNullable<Call["query"]> {
  const { from, to, namespace, port, protocol, verdict, filter } = options;
  return { from, to, namespace, port, protocol, verdict, filter };
}

async function history(options: FlowsOptions): Promise<void> {
  const { since, until, at, limit, output } = options;
  const response = await open(
    { path: "/v1/flows", query: { ...filters(options), since, until, at, limit } },
    options,
  );
  if (output === "json") {
    for await (const line of lines(response)) process.stdout.write(`${sanitizeJson(line)}\n`);
  } else {
    const rows: FlowLine[] = [];
    for await (const line of lines(response)) rows.push(JSON.parse(line) as FlowLine);
    if (output === "table") printTable(rows);
    else printRows(rows, flowColumns, output);
    if (rows.length === 0)
      process.stderr.write(
        at === undefined
          ? "no flow in that time; weir status says whether anything is watched\n"
          : "no flow was going on at that moment; --since and --until show those around it\n",
      );
  }
  const truncated = response.headers["weir-truncated"];
  if (typeof truncated === "string") {
    process.stderr.write(`only the newest ${truncated} rows; narrow it down, or raise --limit
`);
  }
  noteCompleteness(completenessOf(response));
}

function printTable(rows: FlowLine[]): void {
  const layout = narrowed(flowLayout(rows), terminalColumns());
  const colour = colourWanted();
  process.stdout.write(`${flowHeading(layout)}\n`);
  for (const row of rows) process.stdout.write(`${flowText(row, colour, layout)}\n`);
}

function printer(format: Format): (line: string) => void {
  const out = process.stdout;
  if (format === "json") return (line) => void out.write(`${sanitizeJson(line)}\n`);
  if (format === "table") {
    const colour = colourWanted();
    const layout = narrowed(liveLayout, terminalColumns());
    out.write(`${flowHeading(layout)}\n`);
    return (line) => void out.write(`${flowText(JSON.parse(line) as FlowLine, colour, layout)}\n`);
  }
  if (format === "csv") {
    out.write(`${csvLine(flowColumns.names)}\r\n`);
    return (line) =>
      void out.write(`${csvLine(flowColumns.cells(JSON.parse(line) as FlowLine))}\r\n`);
  }
  return (line) => printRows([JSON.parse(line) as FlowLine], flowColumns, format);
}
