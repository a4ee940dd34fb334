import { sanitize } from "@weir/runtime";

/** One line of RFC 4180, without its end. Text that a spreadsheet would run as a formula is marked. */
export function csvLine(cells: unknown[]): string {
  return cells.map(csvCell).join(",");
}

function csvCell(cell: unknown): string {
  if (cell === undefined || cell === null) return "";
  if (typeof cell === "number" || typeof cell === "boolean") return String(cell);
  const plain = sanitize(typeof cell === "string" ? cell : JSON.stringify(cell));
  const text = /^[=+@\t\r]|^-[^\d.]/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line of CSV that the engine made: text that a spreadsheet would run is marked; the rest stays. */
export function markFormulas(line: string): string {
  return line.replaceAll(/(^|,)"(?=[=+@\t\r]|-(?![\d.]))/g, `$1"'`);
}
