import type { EventLine } from "@weir/api";
import { sanitizeJson } from "@weir/runtime";
import { type ClientOptions, lines, open } from "../client.ts";
import { usageError } from "../exit.ts";
import { completenessOf } from "../print/completeness.ts";
import { csvLine } from "../print/csv.ts";
import {
  eventColumns,
  eventHeading,
  eventText,
  eventWidths,
  liveEventWidths,
} from "../print/event.ts";
import { type Format, colourWanted } from "../print/format.ts";
import { printRows } from "../print/rows.ts";
import { followTail } from "./follow.ts";

export interface EventsOptions extends ClientOptions {
  since?: string;
  until?: string;
  kind?: string;
  namespace?: string;
  workload?: string;
  node?: string;
  limit?: number;
  follow?: boolean;
  output: Format;
}

/** `weir events`. */
export async function events(options: EventsOptions): Promise<void> {
  const { since, until, kind, namespace, workload, node, limit, output } = options;
  const [path, query] = ["/v1/events", { kind, namespace, workload, node }];
  if (options.follow && until !== undefined)
    throw usageError("--follow goes on from now; it cannot be given together with --until");
  if (options.follow) {
    const print = livePrinter(output);
    await followTail({ path, query, since, limit, what: "events", print }, options);
    return;
  }
  const response = await open({ path, query: { ...query, since, until, limit } }, options);
  const rows: EventLine[] = [];
  for await (const line of lines(response))
    if (output === "json") process.stdout.write(`${sanitizeJson(line)}\n`);
    else rows.push(JSON.parse(line) as EventLine);
  if (output === "table") printTable(rows);
  else if (output !== "json") printRows(rows, eventColumns, output);
  const truncated = response.headers["weir-truncated"];
  if (typeof truncated === "string")
    process.stderr.write(`only the newest ${truncated} events; narrow it down, or raise --limit\n`);
  const { dead_letter: refused = 0, not_sent: notSent = 0 } = completenessOf(response)?.lost ?? {};
  const missing = [
    ...(refused > 0 ? [`${refused} refused; weir dead-letters list says why`] : []),
    ...(notSent > 0 ? [`${notSent} not sent; the controller's log has them`] : []),
  ];
  if (missing.length > 0) process.stderr.write(`not complete: ${missing.join("; ")}\n`);
}

function printTable(rows: EventLine[]): void {
  if (rows.length === 0) {
    process.stderr.write("nothing happened in that time\n");
    return;
  }
  const [widths, colour] = [eventWidths(rows), colourWanted()];
  process.stdout.write(`${eventHeading(widths)}\n`);
  for (const row of rows) process.stdout.write(`${eventText(row, colour, widths)}\n`);
}

function livePrinter(format: Format): (line: string) => void {
  const out = process.stdout;
  if (format === "json") return (line) => void out.write(`${sanitizeJson(line)}\n`);
  if (format === "csv") {
    out.write(`${csvLine(eventColumns.names)}\r\n`);
    return (line) =>
      void out.write(`${csvLine(eventColumns.cells(JSON.parse(line) as EventLine))}\r\n`);
  }
  if (format === "yaml") return (line) => printRows([JSON.parse(line)], eventColumns, format);
  const colour = colourWanted();
  out.write(`${eventHeading(liveEventWidths)}\n`);
  return (line) =>
    void out.write(`${eventText(JSON.parse(line) as EventLine, colour, liveEventWidths)}\n`);
}
