import type { Status } from "@weir/api";
import { type ClientOptions, ask } from "../client.ts";
import { exitCodes } from "../exit.ts";
import { type Format, colourWanted, paint } from "../print/format.ts";
import { printObject } from "../print/rows.ts";
import { cellText, tableText } from "../print/table.ts";

/** `weir status`: exit code 0 only when ready. */
export async function status(options: ClientOptions & { output: Format }): Promise<void> {
  const answer = await ask<Status>({ path: "/v1/status" }, options);
  printObject(answer, options.output, () => statusText(answer, colourWanted()));
  if (!answer.ready) process.exitCode = exitCodes.failed;
}

/** How people read the status. */
export function statusText(answer: Status, colour: boolean): string {
  const state = answer.ready
    ? paint("ready", "green", colour)
    : paint("not ready", "yellow", colour);
  const { bus, store, policy } = answer;
  const lines = [
    `weir ${answer.version}  ${state}`,
    ...answer.waitingFor.map((what) => `  waiting for ${cellText(what)}`),
    `bus     ${bus.kind}, ${bus.lag} messages not yet stored`,
    `store   ${store.kind}, ${store.rows} flow rows`,
    `policy  generation ${policy.generation}, ${policy.mode}, ${policy.policies} policies`,
    ...policy.problems.map((what) => `  ${cellText(what)}`),
  ];
  if (answer.collectors.length === 0) {
    return `${lines.join("\n")}\nno collector is running: start a lab (weir lab up shop), or give --interfaces\n`;
  }
  const rows = answer.collectors.map((one) => [
    cellText(one.node),
    one.attached.length,
    one.generation,
    one.mode,
    lostText(one.lost),
    cellText(missingHooks(one.hooks)),
    cellText(one.error ?? ""),
  ]);
  const names = ["collector", "interfaces", "generation", "mode", "lost", "hooks missing", "error"];
  return `${lines.join("\n")}\n\n${tableText(names, rows)}${beyondShareText(answer)}`;
}

function beyondShareText({ collectors }: Status): string {
  const rows = collectors.flatMap(({ node, beyondShare = [] }) =>
    beyondShare.map((one) => [
      cellText(node),
      cellText(one.who),
      one.untrackedConnections,
      one.untrackedPackets,
      one.lateEdges,
    ]),
  );
  if (rows.length === 0) return "";
  const names = ["collector", "beyond its share", "connections untracked", "packets", "edges late"];
  return `\n${tableText(names, rows)}`;
}

function lostText(lost: Record<string, number>): string {
  const some = Object.entries(lost).filter(([, count]) => count > 0);
  return some.length === 0
    ? "nothing"
    : cellText(some.map(([cause, count]) => `${cause} ${count}`).join(", "));
}

function missingHooks(hooks: Record<string, string>): string {
  return Object.entries(hooks)
    .filter(([, state]) => state !== "ok")
    .map(([hook, state]) => `${hook} (${state})`)
    .join(", ");
}
