import type { LedgerAnswer } from "@weir/api";
import { type ClientOptions, ask } from "../client.ts";
import { type Format, colourWanted, paint } from "../print/format.ts";
import { printObject } from "../print/rows.ts";
import { cellText, tableText } from "../print/table.ts";

/** `weir ledger`. */
export async function ledger(
  options: ClientOptions & { since: string; until?: string; output: Format },
): Promise<void> {
  const query = { since: options.since, until: options.until };
  const answer = await ask<LedgerAnswer>({ path: "/v1/ledger", query }, options);
  printObject(answer, options.output, () => ledgerText(answer, colourWanted()));
}

function ledgerText(answer: LedgerAnswer, colour: boolean): string {
  const rows = answer.nodes.map((one) => [
    cellText(one.node),
    cellText(one.bootId.slice(0, 8)),
    one.produced,
    one.stored,
    Object.values(one.lost).reduce((sum, count) => sum + count, 0),
    one.unexplained,
    one.complete ? paint("complete", "green", colour) : paint("incomplete", "red", colour),
  ]);
  const names = ["node", "boot", "produced", "stored", "lost", "unexplained", "history"];
  return `${answer.from} to ${answer.to}\n${tableText(names, rows)}`;
}
