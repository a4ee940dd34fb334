import type { ReplayAnswer, ReplayLine } from "@weir/api";
import { type ClientOptions, ask } from "../client.ts";
import { readManifestFiles } from "../manifest-files.ts";
import { noteCompleteness } from "../print/completeness.ts";
import type { Format } from "../print/format.ts";
import { printObject } from "../print/rows.ts";
import { cellText, tableText } from "../print/table.ts";

interface ReplayOptions extends ClientOptions {
  file: string[];
  since: string;
  output: Format;
}

/** `weir policy replay`. */
export async function policyReplay(options: ReplayOptions): Promise<void> {
  const body = { files: await readManifestFiles(options.file), since: options.since };
  const answer = await ask<ReplayAnswer>({ method: "POST", path: "/v1/replay", body }, options);
  printObject(answer, options.output, () => replayText(answer));
  noteCompleteness(answer.completeness);
}

/** How people read a replay. */
export function replayText(answer: ReplayAnswer): string {
  const { connections, unchanged, unjudged, inForce, newlyDenied, newlyAllowed } = answer;
  const lines = [
    `${connections} connections: ${unchanged} as they were, ${sum(newlyDenied)} newly denied, ${sum(newlyAllowed)} newly allowed, ${unjudged} not judged`,
    `policies in force against the kernel: ${inForce.disagreements} of ${inForce.rows} edges judged otherwise`,
  ];
  const rows = [
    ...newlyDenied.map((one) => cells("denied", one)),
    ...newlyAllowed.map((one) => cells("allowed", one)),
  ];
  const names = ["newly", "from", "to", "port", "connections", "first", "last"];
  return `${lines.join("\n")}\n${rows.length === 0 ? "" : `\n${tableText(names, rows)}`}`;
}

function sum(edges: ReplayLine[]): number {
  return edges.reduce((all, one) => all + one.connections, 0);
}

function cells(newly: string, one: ReplayLine): (string | number)[] {
  const port = one.port === 0 ? one.protocol : `${one.port}/${one.protocol}`;
  const texts = [newly, one.from, one.to, port].map(cellText);
  return [...texts, one.connections, cellText(one.first), cellText(one.last)];
}
