import type { FlowLayout } from "./flow.ts";
import { cellText } from "./table.ts";

type Cell = keyof FlowLayout["widths"];

/** What is left out first where a terminal is narrow; `weir flows -o json` has it all. */
const spare: Cell[] = ["direction", "packets", "protocol", "bytes"];
/** Room for the reason, which stands last. */
const reasonWidth = "not-isolated".length;
/** An end is not cut shorter. */
const leastEnd = 12;

/** How wide the terminal is; undefined where there is none. */
export function terminalColumns(stream: NodeJS.WriteStream = process.stdout): number | undefined {
  return stream.isTTY && stream.columns > 0 ? stream.columns : undefined;
}

/** The layout for so many columns: cells are left out, then both ends are cut. */
export function narrowed(layout: FlowLayout, columns: number | undefined): FlowLayout {
  if (columns === undefined) return layout;
  const widths = { ...layout.widths };
  const hidden = new Set<Cell>();
  const excess = (): number => {
    const shown = Object.entries(widths).filter(([name]) => !hidden.has(name as Cell));
    return shown.reduce((sum, [, width]) => sum + width + 1, reasonWidth) - columns;
  };
  for (const name of spare) if (excess() > 0) hidden.add(name);
  while (excess() > 0 && Math.max(widths.source, widths.destination) > leastEnd)
    widths[widths.source > widths.destination ? "source" : "destination"]--;
  return { ...layout, widths, hidden, columns };
}

/** Cut in its middle: the beginning tells the namespace, the end the pod and the port. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - tail)}…${tail === 0 ? "" : text.slice(-tail)}`;
}

/** Columns of a table for so many columns of a terminal: without empty ones, then without spare ones. */
export function fittingColumns(
  names: string[],
  rows: readonly Record<string, unknown>[],
  spareNames: readonly string[],
  columns: number | undefined,
): string[] {
  const gap = 2;
  const width = (name: string): number =>
    rows.reduce((most, row) => Math.max(most, cellText(row[name]).length), name.length) + gap;
  const widths = new Map(names.map((name) => [name, width(name)]));
  const fits = (some: string[]): boolean =>
    some.reduce((sum, name) => sum + (widths.get(name) ?? 0), -gap) <= (columns ?? Infinity);
  if (fits(names)) return names;
  let kept = names.filter((name) => rows.some((row) => cellText(row[name]) !== ""));
  for (const name of spareNames) if (!fits(kept)) kept = kept.filter((one) => one !== name);
  return kept;
}
