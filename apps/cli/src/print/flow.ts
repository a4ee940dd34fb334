import type { FlowEnd, FlowLine } from "@weir/api";
import { type Colour, paint } from "./format.ts";
import type { Columns } from "./rows.ts";
import { cut } from "./narrow.ts";
import { cellText } from "./table.ts";

/** `shop/cart-0`, else the DNS name, else the address. */
export function endText(end: FlowEnd): string {
  if (end.pod !== undefined) return cellText(`${end.namespace ?? ""}/${end.pod}`);
  if (end.workload !== undefined)
    return cellText(end.namespace ? `${end.namespace}/${end.workload}` : end.workload);
  return cellText(end.name ?? end.ip);
}

/** `shop/cart-0:8080`; no port where the protocol has none. */
export function withPort(end: FlowEnd): string {
  const text = endText(end);
  if (end.port === undefined) return text;
  return text.includes(":") ? `[${text}]:${end.port}` : `${text}:${end.port}`;
}

/** `812 B`, `4.1 KiB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Columns of `weir flows -o csv`. */
export const flowColumns: Columns<FlowLine> = {
  names: [
    "time",
    "node",
    "direction",
    "source",
    "destination",
    "protocol",
    "packets",
    "bytes",
    "reply packets",
    "reply bytes",
    "verdict",
    "reason",
  ],
  cells: (flow) => [
    flow.time,
    flow.node,
    flow.direction,
    withPort(flow.source),
    withPort(flow.destination),
    flow.protocol,
    flow.packets,
    flow.bytes,
    flow.replyPackets,
    flow.replyBytes,
    flow.verdict,
    flow.reason,
  ],
};

const verdictColours: Record<string, Colour> = { allowed: "green", denied: "red" };

/** The verdict padded to the widest one, in its colour. */
export function verdictText(verdict: string | undefined, colour: boolean): string {
  const text = cellText(verdict ?? "unknown");
  return paint(text.padEnd(verdictWidth), verdictColours[text] ?? "yellow", colour);
}

/** `1.2 KiB ↑ 812 B ↓`: what went to the destination and what came back. */
export function bothWays(sent: string | number, replied: string | number): string {
  return `${sent} ↑ ${replied} ↓`;
}

const verdictWidth = "allowed".length;

/** How wide source and destination are where lines are printed before all of them are known. */
export const endWidths = {
  source: "shop/load-generator-j8llxvjcl-n2cwk".length,
  destination: "kube-system/kube-dns-qhp4jsrf9-2j2d8:8080".length,
};

/** Columns of a line of `flowText`; the reason after them is as wide as it is. */
interface FlowCells {
  time: string;
  source: string;
  arrow: string;
  destination: string;
  protocol: string;
  direction: string;
  packets: string;
  bytes: string;
  verdict: string;
}

/** What lines have in common, so that they stand below each other. */
export interface FlowLayout {
  /** The day before the time of day. */
  isDated: boolean;
  widths: Record<keyof FlowCells, number>;
  /** Of a narrow terminal: cells that are left out, and its columns. */
  hidden?: ReadonlySet<keyof FlowCells>;
  columns?: number;
}

const headings: FlowCells = {
  time: "TIME (UTC)",
  source: "SOURCE",
  arrow: "→",
  destination: "DESTINATION",
  protocol: "PROTO",
  direction: "DIR",
  packets: "PACKETS",
  bytes: "BYTES",
  verdict: "VERDICT",
};

/** For flows that are not known yet. */
export const liveLayout: FlowLayout = {
  isDated: false,
  widths: {
    time: "10:20:30.123".length,
    ...endWidths,
    arrow: 1,
    protocol: "ICMPv6".length,
    direction: "ingress".length,
    packets: "12 ↑ 12 ↓".length,
    bytes: "1.2 KiB ↑ 1.2 KiB ↓".length,
    verdict: verdictWidth,
  },
};

/** As narrow as these flows allow; with the day only where they are of several. */
export function flowLayout(flows: readonly FlowLine[]): FlowLayout {
  const isDated = new Set(flows.map((flow) => flow.time.slice(0, 10))).size > 1;
  const widths = columnsOf((name) => headings[name].length);
  for (const flow of flows) {
    const cells = flowCells(flow, isDated);
    for (const name of cellNames) widths[name] = Math.max(widths[name], cells[name].length);
  }
  return { isDated, widths };
}

const cellNames = Object.keys(headings) as (keyof FlowCells)[];

function columnsOf<T>(value: (name: keyof FlowCells) => T): Record<keyof FlowCells, T> {
  return Object.fromEntries(cellNames.map((name) => [name, value(name)])) as Record<
    keyof FlowCells,
    T
  >;
}

function flowCells(flow: FlowLine, isDated: boolean): FlowCells {
  const clock = flow.time.slice(11, 23);
  return {
    time: isDated ? `${flow.time.slice(0, 10)} ${clock}` : clock,
    source: endText(flow.source),
    arrow: "→",
    destination: withPort(flow.destination),
    protocol: cellText(flow.protocol),
    direction: cellText(flow.direction),
    packets: bothWays(flow.packets, flow.replyPackets),
    bytes: bothWays(bytesText(flow.bytes), bytesText(flow.replyBytes)),
    verdict: cellText(flow.verdict ?? "unknown"),
  };
}

/** A calm line: when, who to whom, seen on which side, packets and bytes both ways, verdict, why. */
export function flowText(flow: FlowLine, colour: boolean, layout = liveLayout): string {
  const padded = paddedCells(flowCells(flow, layout.isDated), layout);
  padded.time = paint(padded.time, "dim", colour);
  padded.arrow = paint(padded.arrow, "dim", colour);
  padded.verdict = verdictText(flow.verdict, colour);
  return lineOf(padded, cellText(flow.reason), layout);
}

/** The heading over lines of `flowText`. */
export function flowHeading(layout = liveLayout): string {
  return lineOf(paddedCells(headings, layout), "REASON", layout);
}

function paddedCells(cells: FlowCells, { widths, columns }: FlowLayout): FlowCells {
  const fit = (text: string, width: number): string =>
    columns === undefined ? text : cut(text, width);
  return columnsOf((name) => fit(cells[name], widths[name]).padEnd(widths[name]));
}

function lineOf(
  padded: FlowCells,
  reason: string,
  { hidden, widths, columns }: FlowLayout,
): string {
  const shown = cellNames.filter((name) => hidden?.has(name) !== true);
  const before = shown.reduce((sum, name) => sum + widths[name] + 1, 0);
  const why = columns === undefined ? reason : cut(reason, Math.max(1, columns - before));
  return [...shown.map((name) => padded[name]), why].join(" ").trimEnd();
}
