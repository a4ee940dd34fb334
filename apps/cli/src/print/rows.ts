import { sanitizeJson, yamlText } from "@weir/runtime";
import { csvLine } from "./csv.ts";
import type { Format } from "./format.ts";
import { cellText, tableText } from "./table.ts";

/** How a kind of row becomes cells; the JSON is the row itself. */
export interface Columns<Row> {
  names: string[];
  cells(row: Row): unknown[];
}

/** Prints rows that are all there: one JSON object per line, or a table, CSV or YAML documents. */
export function printRows<Row extends object>(
  rows: Row[],
  columns: Columns<Row>,
  format: Format,
): void {
  const out = process.stdout;
  switch (format) {
    case "json":
      for (const row of rows) out.write(`${sanitizeJson(JSON.stringify(row))}\n`);
      return;
    case "yaml":
      for (const row of rows) out.write(`---\n${yamlText(row)}`);
      return;
    case "csv":
      out.write(`${csvLine(columns.names)}\r\n`);
      for (const row of rows) out.write(`${csvLine(columns.cells(row))}\r\n`);
      return;
    case "table":
      out.write(
        tableText(
          columns.names,
          rows.map((row) =>
            columns.cells(row).map((cell) => (typeof cell === "number" ? cell : cellText(cell))),
          ),
        ),
      );
  }
}

/** Prints one object; `table` is how people read it. */
export function printObject(value: object, format: Format, table: () => string): void {
  if (format === "json") process.stdout.write(`${sanitizeJson(JSON.stringify(value))}\n`);
  else if (format === "yaml") process.stdout.write(yamlText(value));
  else if (format === "csv") {
    process.stdout.write(`${csvLine(Object.keys(value))}\r\n${csvLine(Object.values(value))}\r\n`);
  } else process.stdout.write(table());
}
