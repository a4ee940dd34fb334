import type { FlowEnd, FlowLine } from "@weir/api";
import { type Colour, paint } from "./format.ts";
import type { Columns } from "./rows.ts";
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

/** Columns of `weir flows` as table and CSV. */
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
const width = { time: 12, ends: 64, protocol: 6, traffic: 26, verdict: 7 };

function clock(time: string): string {
  return time.slice(11, 23);
}

/** A calm line for a live view: time, who to whom, protocol, traffic both ways, verdict and why. */
export function flowText(flow: FlowLine, colour: boolean): string {
  const source = endText(flow.source);
  const ends = `${source} → ${withPort(flow.destination)}`;
  const sent = flow.packets + flow.replyPackets;
  const traffic = `${sent} pkts  ${bytesText(flow.bytes)} ↑ ${bytesText(flow.replyBytes)} ↓`;
  const verdict = paint(
    cellText(flow.verdict ?? "unknown").padEnd(width.verdict),
    verdictColours[flow.verdict ?? "unknown"] ?? "yellow",
    colour,
  );
  const line = [
    paint(clock(flow.time).padEnd(width.time), "dim", colour),
    ends.padEnd(width.ends),
    cellText(flow.protocol).padEnd(width.protocol),
    traffic.padEnd(width.traffic),
    verdict,
  ].join("  ");
  return flow.verdict === "denied" ? `${line}  ${cellText(flow.reason)}` : line.trimEnd();
}

/** The heading over lines of `flowText`. */
export function flowHeading(): string {
  return [
    "TIME (UTC)".padEnd(width.time),
    "SOURCE → DESTINATION".padEnd(width.ends),
    "PROTO".padEnd(width.protocol),
    "TRAFFIC".padEnd(width.traffic),
    "VERDICT",
  ].join("  ");
}
