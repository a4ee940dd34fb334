import { StoreError } from "./error.ts";

/** Formats without header or frame: chunks of the result can simply follow each other. */
const streamable = new Set([
  "CSV",
  "JSONCompactEachRow",
  "JSONEachRow",
  "Native",
  "RowBinary",
  "TSV",
  "TabSeparated",
]);

export function isStreamable(format: string): boolean {
  return streamable.has(format);
}

/** Throws StoreError for what is no name of a format. */
export function checkedFormat(format: string): string {
  if (!/^[A-Za-z0-9]+$/.test(format))
    throw new StoreError("sql", `${JSON.stringify(format)} is no output format`);
  return format;
}
