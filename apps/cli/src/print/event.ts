import type { EventLine } from "@weir/api";
import { type Colour, paint } from "./format.ts";
import type { Columns } from "./rows.ts";
import { cellText } from "./table.ts";

/** Columns of `weir events -o csv`. */
export const eventColumns: Columns<EventLine> = {
  names: ["time", "kind", "node", "namespace", "workload", "pod", "text", "fields"],
  cells: (event) => [
    ...[event.time, event.kind, event.node, event.namespace, event.workload, event.pod],
    ...[event.text, event.fields],
  ],
};

/** Whom it concerns: a pod, else a workload, else a namespace, else a node. */
function concerns({ namespace = "", pod, workload, node = "" }: EventLine): string {
  const name = pod ?? workload;
  if (name !== undefined) return cellText(`${namespace}/${name}`);
  return cellText(namespace === "" ? node : namespace);
}

/** Columns that are padded; the text after them is as wide as it is. */
export interface EventWidths {
  kind: number;
  concerns: number;
}

/** For events that are not known yet. */
export const liveEventWidths: EventWidths = { kind: "policy-error".length, concerns: 24 };

/** As narrow as these events allow. */
export function eventWidths(events: readonly EventLine[]): EventWidths {
  const widest = (texts: string[]): number => Math.max(...texts.map((text) => text.length));
  return {
    kind: widest(["KIND", ...events.map(({ kind }) => cellText(kind))]),
    concerns: widest(["CONCERNS", ...events.map((event) => concerns(event))]),
  };
}

export function eventHeading(widths: EventWidths): string {
  return line("TIME (UTC)", "KIND", "CONCERNS", "TEXT", { widths, colour: false });
}

/** When, what, whom it concerns, and in words. */
export function eventText(event: EventLine, colour: boolean, widths: EventWidths): string {
  const time = cellText(event.time.slice(0, 19).replace("T", " "));
  const parts = [cellText(event.kind), concerns(event), cellText(event.text)] as const;
  return line(time, ...parts, { widths, colour });
}

function line(
  time: string,
  kind: string,
  about: string,
  text: string,
  { widths, colour }: { widths: EventWidths; colour: boolean },
): string {
  const dim: Colour = "dim";
  const clock = paint(time.padEnd("2026-01-01 00:00:00".length), dim, colour);
  return `${clock}  ${kind.padEnd(widths.kind)}  ${about.padEnd(widths.concerns)}  ${text}`.trimEnd();
}
