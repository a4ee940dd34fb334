import { Judge } from "@weir/policy";
import { type ChangeRow, type PolicyHistoryRow, changesQuery, parseTime } from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ReachBetweenAnswer, ReachLine, ReachPeriod } from "../answers.ts";
import { badRequest } from "../problem.ts";
import { asItWas } from "../questions-then.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";
import {
  declaredPorts,
  linesFor,
  maxJudged,
  nameOf,
  noPort,
  nobody,
  podsNamed,
  textOf,
} from "./reach.ts";

const betweenQuestion = z.object({
  to: z.string().max(512),
  since: z.string().max(64),
  until: z.string().max(64).default("now"),
  port: z.coerce.number().int().min(1).max(65_535).optional(),
  protocol: z.enum(["TCP", "UDP", "SCTP"]).default("TCP"),
});
type Asked = z.output<typeof betweenQuestion>;

/** Moments of one question at most: at each the whole cluster is read. */
const maxMoments = 100;

/** Who could reach a workload within a range, each answer with the time it held. */
export function addReachBetween(server: FastifyInstance, context: Context): void {
  server.get("/v1/reach/between", async (request, reply): Promise<ReachBetweenAnswer> => {
    const asked = parse(betweenQuestion, request.query);
    const nowMs = Date.now();
    const [since, until] = [parseTime(asked.since, nowMs), parseTime(asked.until, nowMs)];
    if (until <= since) throw badRequest("the time range is empty: until must be later than since");
    const verdict = context.completeness.of({ since, until });
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const moments = [since, ...(await changes(context, since, until, gone.signal))];
    const { periods, texts } = await held(context, asked, { moments, until }, gone.signal);
    const named = new Set(periods.flatMap((period) => period.policies));
    const range = { since: rfc3339(since), until: rfc3339(until) };
    return {
      ...{ to: asked.to, ...range, reach: periods },
      texts: texts.filter((one) => named.has(nameOf(one))).map((one) => textOf(one)),
      completeness: await verdict,
    };
  });
}

async function changes(
  { store }: Context,
  since: number,
  until: number,
  signal: AbortSignal,
): Promise<number[]> {
  const { sql, parameters } = changesQuery(since, until, maxMoments);
  const rows = await store.query<ChangeRow>(sql, { parameters, signal });
  if (rows.length < maxMoments) return rows.map(({ time }) => time);
  throw badRequest(
    `since: pods or policies changed more than ${maxMoments} times in that range; ask for a shorter one, or for a time with at`,
  );
}

interface Held {
  periods: ReachPeriod[];
  texts: PolicyHistoryRow[];
}

/** What held from moment to moment, as one where it stayed the same. */
async function held(
  { store }: Context,
  { to, port, protocol }: Asked,
  { moments, until }: { moments: number[]; until: number },
  signal: AbortSignal,
): Promise<Held> {
  const open = new Map<string, ReachPeriod>();
  const closed: ReachPeriod[] = [];
  const texts = new Map<string, PolicyHistoryRow>();
  let [judged, seen, asked] = [0, false, false];
  for (const moment of moments) {
    const then = await asItWas(store, moment, signal);
    const pods = podsNamed(then.cluster, to);
    const ports = port === undefined ? declaredPorts(pods, protocol) : [port];
    [seen, asked] = [seen || pods.length > 0, asked || ports.length > 0];
    judged += then.cluster.pods.length * pods.length * ports.length;
    if (judged > maxJudged)
      throw badRequest(
        "since: too many pods at too many times; ask for one pod, one port or less time",
      );
    for (const one of then.texts) texts.set(`${nameOf(one)} ${one.valid_from}`, one);
    const judge = new Judge(then.cluster, then.policies);
    const lines = ports.flatMap((one) => linesFor(judge, then.cluster, pods, one, protocol));
    const mode = then.texts[0]?.mode ?? "observe";
    const now = new Map(lines.map((line) => [JSON.stringify([line, mode]), line]));
    for (const [key, period] of open)
      if (!now.has(key)) {
        closed.push({ ...period, until: rfc3339(moment) });
        open.delete(key);
      }
    for (const [key, line] of now)
      if (!open.has(key)) open.set(key, periodOf(line, mode, moment, until));
  }
  if (!seen) throw nobody(to, "in that time");
  if (!asked) throw noPort(to, protocol);
  const periods = [...closed, ...open.values()].toSorted(
    (a, b) => compare(a.from, b.from) || a.port - b.port || compare(a.since, b.since),
  );
  return { periods, texts: [...texts.values()] };
}

function periodOf(line: ReachLine, mode: string, since: number, until: number): ReachPeriod {
  return { ...line, mode, since: rfc3339(since), until: rfc3339(until) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rfc3339(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
