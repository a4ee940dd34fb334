import { randomUUID } from "node:crypto";
import type { RunningLine, TableLine } from "@weir/api";
import { sanitize, sanitizeJson, yamlText } from "@weir/runtime";
import { type ClientOptions, ask, lines, open, whoAsks } from "../client.ts";
import { CommandError, exitCodes, usageError } from "../exit.ts";
import { completenessOf, noteCompleteness } from "../print/completeness.ts";
import { markFormulas } from "../print/csv.ts";
import type { Format } from "../print/format.ts";
import { printRows } from "../print/rows.ts";
import { isNumber, parseExactly } from "../print/exact.ts";
import { cellText, tableText } from "../print/table.ts";
import { standardInput } from "../standard-input.ts";

export interface SqlOptions extends ClientOptions {
  tables?: boolean;
  describe?: string;
  output: Format;
}

/** Rows that a table takes at most; more are for -o json or csv. */
const maxTableRows = 10_000;

/** `weir sql`. */
export async function sql(query: string | undefined, options: SqlOptions): Promise<void> {
  if (options.tables || options.describe !== undefined) {
    await schema(options);
    return;
  }
  if (query === undefined) throw usageError("give a query, --tables, or --describe TABLE");
  const text = query === "-" ? await standardInput() : query;
  const formats = {
    json: "JSONEachRow",
    yaml: "JSONEachRow",
    csv: "CSVWithNames",
    table: "JSONCompactEachRowWithNamesAndTypes",
  };
  const body = { query: text, format: formats[options.output] };
  const id = randomUUID();
  const headers = { "weir-query": id, "weir-user": whoAsks() };
  const call = { method: "POST", path: "/v1/sql", body, headers } as const;
  // Only until the first rows: what comes after them is progress enough.
  const response = await withProgress(id, options, open(call, options));
  if (options.output === "table") await printTable(lines(response));
  else if (options.output === "yaml") {
    for await (const line of lines(response))
      process.stdout.write(`---\n${yamlText(parseExactly(line))}`);
  } else {
    const safe = options.output === "json" ? sanitizeJson : safeCsv;
    for await (const line of lines(response)) process.stdout.write(`${safe(line)}\n`);
  }
  noteCompleteness(completenessOf(response));
  const failure = response.trailers["weir-error"];
  if (failure !== undefined && failure !== "") throw new CommandError(decodeURIComponent(failure));
}

const safeCsv = (line: string): string => markFormulas(sanitize(line));

/** How often a statement that takes its time is asked about. */
const progressIntervalMs = 1000;

/** Tells on a terminal how far the statement has come, until the answer begins. */
async function withProgress<T>(id: string, options: SqlOptions, answer: Promise<T>): Promise<T> {
  const out = process.stderr;
  if (!out.isTTY) return answer;
  let shown = false;
  let isOver = false;
  const timer = setInterval(() => {
    // What is wrong, the statement's own answer says.
    void progressLine(id, options)
      .catch(() => undefined)
      .then((line) => {
        if (line !== undefined && !isOver)
          shown = out.write(`\r\u001b[K${line}; Ctrl-C stops it`) || true;
        return shown;
      });
  }, progressIntervalMs);
  const interrupted = (): void => {
    if (shown) out.write("\n");
    process.kill(process.pid, "SIGINT");
  };
  process.once("SIGINT", interrupted);
  try {
    return await answer;
  } finally {
    // What was asked before may still be answered.
    isOver = true;
    process.off("SIGINT", interrupted);
    clearInterval(timer);
    if (shown) out.write("\r\u001b[K");
  }
}

async function progressLine(id: string, options: SqlOptions): Promise<string | undefined> {
  const running = await ask<RunningLine[]>({ path: "/v1/sql/running" }, options);
  const one = running.find((each) => each.id === id);
  if (one === undefined) return undefined;
  const total = one.totalRows > 0 ? ` of about ${one.totalRows.toLocaleString("en")}` : "";
  return `${one.seconds.toFixed(0)} s, ${one.readRows.toLocaleString("en")}${total} rows read`;
}

async function printTable(answer: AsyncIterable<string>): Promise<void> {
  const rows: unknown[][] = [];
  let names: string[] | undefined;
  let types: string[] | undefined;
  let left = 0;
  for await (const line of answer) {
    const cells = parseExactly(line) as unknown[];
    if (names === undefined) names = cells as string[];
    else if (types === undefined) types = cells as string[];
    else if (rows.length < maxTableRows)
      rows.push(cells.map((cell) => (isNumber(cell) ? cell : cellText(cell))));
    else left++;
  }
  process.stdout.write(tableText((names ?? []).map(cellText), rows, "as-given"));
  if (left > 0)
    process.stderr.write(`${left} further rows are left out; -o json or -o csv prints all\n`);
}

async function schema(options: SqlOptions): Promise<void> {
  const tables = await ask<TableLine[]>({ path: "/v1/tables" }, options);
  if (options.describe === undefined) {
    const columns = { names: ["table", "holds"], cells: (one: TableLine) => [one.name, one.doc] };
    const plain = tables.map(({ name, doc }) => ({ name, doc }));
    printRows(plain, columns, options.output);
    return;
  }
  const table = tables.find((one) => one.name === options.describe);
  if (table === undefined) {
    const known = tables.map((one) => one.name).join(", ");
    throw new CommandError(
      `there is no table ${options.describe}; there are ${known}`,
      exitCodes.denied,
    );
  }
  printRows(
    table.columns ?? [],
    { names: ["column", "type", "meaning"], cells: (one) => [one.name, one.type, one.doc] },
    options.output,
  );
}
