import {
  type Cluster,
  type ClusterPod,
  Judge,
  type SideVerdict,
  type Verdict,
  ruleText,
} from "@weir/policy";
import { type PolicyHistoryRow, parseTime } from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ReachAnswer, ReachLine } from "../answers.ts";
import { Problem, badRequest } from "../problem.ts";
import { asItWas } from "../questions-then.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";

const reachQuestion = z.object({
  to: z.string().max(512),
  at: z.string().max(64).default("now"),
  port: z.coerce.number().int().min(1).max(65_535).optional(),
  protocol: z.enum(["TCP", "UDP", "SCTP"]).default("TCP"),
});

/** Ports asked about at most, where the question names none. */
const maxPorts = 64;
/** Pairs of pods and ports that one question judges at most: it holds the process meanwhile. */
export const maxJudged = 500_000;

/** Who could reach a workload at a time, by identities and texts as they were then. */
export function addReach(server: FastifyInstance, context: Context): void {
  server.get("/v1/reach", async (request, reply): Promise<ReachAnswer> => {
    const { to, at, port, protocol } = parse(reachQuestion, request.query);
    const time = parseTime(at, Date.now());
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const verdict = context.completeness.of({ since: time - 60_000_000, until: time });
    const { cluster, policies, texts } = await asItWas(context.store, time, gone.signal);
    const pods = podsNamed(cluster, to);
    if (pods.length === 0) throw nobody(to, at === "now" ? "right now" : `at ${at}`);
    const ports = port === undefined ? declaredPorts(pods, protocol) : [port];
    if (ports.length === 0) throw noPort(to, protocol);
    if (cluster.pods.length * pods.length * ports.length > maxJudged)
      throw badRequest(
        `to: ${pods.length} pods and ${ports.length} ports are too many at once among ${cluster.pods.length} pods; ask for one pod and one port`,
      );
    const judge = new Judge(cluster, policies);
    const lines = ports.flatMap((one) => linesFor(judge, cluster, pods, one, protocol));
    const named = new Set(lines.flatMap((line) => line.policies));
    return {
      at: new Date(time / 1000).toISOString(),
      to,
      mode: texts[0]?.mode ?? "observe",
      generation: texts[0]?.generation ?? 0,
      reach: lines,
      texts: texts.filter((one) => named.has(nameOf(one))).map((one) => textOf(one)),
      completeness: await verdict,
    };
  });
}

export function podsNamed(cluster: Cluster, to: string): ClusterPod[] {
  return cluster.pods.filter(
    (pod) => `${pod.namespace}/${pod.name}` === to || `${pod.namespace}/${pod.workload}` === to,
  );
}

export function nobody(to: string, when: string): Problem {
  return new Problem(
    404,
    "no such pod",
    `there was no pod and no workload ${to} ${when}; weir sql "SELECT * FROM workload_history WHERE namespace = '...'" lists who there was`,
  );
}

export function noPort(to: string, protocol: string): Problem {
  return badRequest(`port: ${to} declared no ${protocol} port then; say which one is meant`);
}

export function declaredPorts(pods: readonly ClusterPod[], protocol: string): number[] {
  const declared = pods.flatMap((pod) =>
    pod.ports.filter((one) => one.protocol === protocol).map((one) => one.port),
  );
  return [...new Set(declared)].sort((a, b) => a - b).slice(0, maxPorts);
}

/** A line for every workload that there was, and one for whoever is outside. */
export function linesFor(
  judge: Judge,
  cluster: Cluster,
  pods: readonly ClusterPod[],
  port: number,
  protocol: "TCP" | "UDP" | "SCTP",
): ReachLine[] {
  const sources = new Map<string, { lines: Verdict[] }>();
  for (const from of cluster.pods)
    for (const pod of pods) {
      if (from === pod) continue;
      const name = `${from.namespace}/${from.workload === "" ? from.name : from.workload}`;
      const entry = sources.get(name) ?? { lines: [] };
      entry.lines.push(judge.judge({ from: { pod: from }, to: { pod }, port, protocol }));
      sources.set(name, entry);
    }
  return [...sources].map(([from, { lines }]) => {
    const allowed = lines.filter((one) => one.verdict === "allowed").length;
    const verdict = allowed === lines.length ? "allowed" : allowed === 0 ? "denied" : "some";
    return {
      from,
      port,
      protocol,
      verdict,
      because: [...new Set(lines.flatMap((one) => reasons(one)))].sort(),
      policies: [...new Set(lines.flatMap((one) => policiesIn(one)))].sort(),
    };
  });
}

function sidesOf({ egress, ingress }: Verdict): [string, SideVerdict][] {
  return [
    ["egress", egress],
    ["ingress", ingress],
  ];
}

/** `ingress: shop/db ingress[0]`, `egress: not-isolated`. */
function reasons(verdict: Verdict): string[] {
  return sidesOf(verdict).flatMap(([side, { reason, rules }]) =>
    rules.length === 0 ? [`${side}: ${reason}`] : rules.map((rule) => `${side}: ${ruleText(rule)}`),
  );
}

function policiesIn(verdict: Verdict): string[] {
  return sidesOf(verdict).flatMap(([, { rules, isolating }]) =>
    [...rules, ...isolating].map(({ namespace, name }) => `${namespace}/${name}`),
  );
}

export function nameOf({ namespace, name }: PolicyHistoryRow): string {
  return `${namespace}/${name}`;
}

export function textOf(row: PolicyHistoryRow): ReachAnswer["texts"][number] {
  const { text, valid_from, valid_until } = row;
  return { policy: nameOf(row), from: valid_from, until: valid_until, text };
}
