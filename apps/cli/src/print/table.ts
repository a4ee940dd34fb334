import Table from "cli-table3";
import { sanitize } from "@weir/runtime";
import { isNumber, jsonText } from "./exact.ts";

const none = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** A value as one cell: on one line, safe for a terminal; absent is empty. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return sanitize(value, true);
  return sanitize(jsonText(value) ?? "", true);
}

/**
 * Columns with a heading in capitals, or as given, without lines. Numbers are right-aligned. Cells may carry colours of
 * their own when they went through `paint` after `cellText`.
 */
export function tableText(
  columns: string[],
  rows: unknown[][],
  heading: "capitals" | "as-given" = "capitals",
): string {
  const numeric = columns.map(
    (_name, at) => rows.length > 0 && rows.every((row) => row[at] === null || isNumber(row[at])),
  );
  const table = new Table({
    chars: none,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
    colAligns: numeric.map((right) => (right ? "right" : "left")),
  });
  table.push(heading === "capitals" ? columns.map((name) => name.toUpperCase()) : columns);
  for (const row of rows) {
    table.push(row.map((value) => (typeof value === "string" ? value : cellText(value))));
  }
  return `${table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")}\n`;
}
