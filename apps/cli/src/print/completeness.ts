import type { IncomingMessage } from "node:http";
import type { Completeness } from "@weir/api";
import { sanitize } from "@weir/runtime";

type Gap = Completeness["nodes"][number];

/** What took records, in words. */
const causes: Record<string, string> = {
  ring: "ring full",
  map: "flow map full",
  map_share: "an interface had its share of the flow map",
  spool: "spool full while the bus was away",
  spool_damaged: "damaged on disk",
  dead_letter: "refused, see the table dead_letters",
};

/** Says on stderr, in one line, that an answer is not complete. Says nothing of one that is. */
export function noteCompleteness(verdict: Completeness | undefined): void {
  const line = verdict === undefined ? "" : completenessText(verdict);
  if (line !== "") process.stderr.write(`${sanitize(line, true)}\n`);
}

/** The verdict that came with rows; undefined where there is none. */
export function completenessOf(response: IncomingMessage): Completeness | undefined {
  const header = response.headers["weir-completeness"];
  return typeof header === "string" ? (JSON.parse(header) as Completeness) : undefined;
}

/** Empty for an answer that is complete. */
export function completenessText(verdict: Completeness, now = new Date()): string {
  if (verdict.verdict === "complete") return "";
  // There the ledger has no more to say.
  const of = verdict.sinceAlways ? ", of all that is kept" : "";
  if (verdict.verdict === "unknown")
    return `not known to be complete${of}: ${verdict.because ?? "nobody counted"}`;
  const short = verdict.nodes.filter((gap) => countOf(gap) > 0);
  const said = short.length > 0 ? lostText(verdict, short, now) : surplusText(verdict.nodes);
  return `not complete${of}: ${said}; ${moreText(verdict, now)}`;
}

/** As far back as `weir ledger` looks by itself. */
const ledgerMs = 3_600_000;

/** With the time to ask about, where that is not what is shown without one. */
function moreText({ from, nodes }: Completeness, now: Date): string {
  const earliest = nodes.flatMap((gap) => gap.from ?? []).toSorted()[0] ?? from;
  const isShown = Date.parse(earliest) > now.getTime() - ledgerMs;
  return `weir ledger${isShown ? "" : ` --since ${earliest.slice(0, 19)}Z`} says more`;
}

function countOf({ lost, unexplained }: Pick<Gap, "lost" | "unexplained">): number {
  return Object.values(lost).reduce((sum, count) => sum + count, unexplained);
}

function lostText(
  { lost, unexplained, moreNodes = 0 }: Completeness,
  short: Gap[],
  now: Date,
): string {
  const all = countOf({ lost, unexplained });
  const named = Object.entries(lost).filter(([, count]) => count > 0);
  const why = named.map(([cause]) => causes[cause] ?? cause);
  if (unexplained > 0 && why.length > 0) why.push(`${numberText(unexplained)} not accounted for`);
  const reason = why.length > 0 ? ` (${why.join(", ")})` : "";
  const became = named.length > 0 ? (all === 1 ? "was lost" : "were lost") : "did not arrive";
  const records = all === 1 ? "flow record" : "flow records";
  return `${numberText(all)} ${records} of ${nodesText(short, moreNodes)} ${became}${whenText(short, now)}${reason}`;
}

function surplusText([gap]: Gap[]): string {
  return `more flow records are stored than node ${gap?.node ?? ""} made`;
}

function nodesText(gaps: Gap[], more: number): string {
  const names = gaps.map((gap) => gap.node);
  const [one = ""] = names;
  if (names.length + more === 1) return `node ${one}`;
  if (names.length === 2 && more === 0) return `nodes ${names.join(" and ")}`;
  return `${names.length + more} nodes, ${one} the most,`;
}

/** ` between 03:10:04 and 03:12:10`, with the day where it is not today. */
function whenText(gaps: Gap[], now: Date): string {
  const from = gaps.flatMap((gap) => gap.from ?? []).toSorted()[0];
  const to = gaps
    .flatMap((gap) => gap.to ?? [])
    .toSorted()
    .at(-1);
  if (from === undefined || to === undefined) return "";
  const today = now.toISOString().slice(0, 10);
  const isToday = from.startsWith(today) && to.startsWith(today);
  const clock = (time: string): string =>
    isToday ? time.slice(11, 19) : time.slice(0, 19).replace("T", " ");
  return ` between ${clock(from)} and ${clock(to)} UTC`;
}

function numberText(count: number): string {
  return count.toLocaleString("en");
}
