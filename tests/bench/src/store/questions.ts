import {
  flowsQuery,
  parseFilter,
  policiesAtQuery,
  type Statement,
  totalsQuery,
  workloadsAtQuery,
} from "@weir/query";
import type { World } from "./cluster.ts";

export interface Asked {
  name: string;
  /** dashboard: over roll-ups; needle: some rows among all of them. */
  kind: "dashboard" | "needle";
  /** `round` makes each asking one of its own. */
  statement: (round: number) => Statement;
  /** The same from the flows alone, where that can be asked. */
  raw?: (round: number) => Statement;
}

const hour = 3_600_000_000;
const day = 24 * hour;

/** The ten questions that people ask, at a time when the last 30 days are in the store. */
export function questionsOf(world: World, now: number): Asked[] {
  const filter = (text: string) => parseFilter(text, now / 1000);
  const edge = (round: number) => world.edges[(round * 7919) % world.edges.length];
  const ends = [
    "src.namespace",
    "src.workload",
    "src.name",
    "dst.namespace",
    "dst.workload",
    "dst.name",
    "dst.port",
  ];
  const totals = (
    name: string,
    question: (round: number) => Parameters<typeof totalsQuery>[0],
  ): Asked => ({
    name,
    kind: "dashboard",
    statement: (round) => totalsQuery({ now, ...question(round) }),
    raw: (round) => totalsQuery({ now, ...question(round), rawOnly: true }),
  });
  const someNamespace = (round: number) => world.namespaces[round % world.namespaces.length];
  return [
    totals("namespace-24h", (round) => ({
      since: now - day,
      by: ends,
      filter: filter(`namespace = ${someNamespace(round)}`),
    })),
    totals("denied-1h", () => ({
      since: now - hour,
      by: ends,
      filter: filter("verdict = denied"),
    })),
    totals("top-talkers-30d", () => ({
      since: now - 30 * day,
      by: ["src.namespace", "src.workload"],
      limit: 20,
    })),
    totals("map-30d", () => ({ since: now - 30 * day, by: ends, limit: 20_000 })),
    totals("dns-names-30d", (round) => ({
      since: now - 30 * day,
      by: ["dst.name"],
      filter: filter(
        `src.workload = ${edge(round)?.source[0]?.party.workload} and not dst.name = ""`,
      ),
    })),
    ...inSql(now),
    ...needles(world, now),
  ];
}

/** As a person asks with weir sql. */
function inSql(now: number): Asked[] {
  return [
    {
      name: "new-edges-24h",
      kind: "dashboard",
      statement: () => ({
        // `first` is exact in every roll-up, so the coarsest will do.
        sql: `SELECT src_namespace, src_workload, dst_namespace, dst_workload, dst_port, min(edges_1d.first) AS began
FROM edges_1d WHERE time >= toStartOfDay(fromUnixTimestamp64Micro({since:Int64}, 'UTC')) GROUP BY ALL
HAVING began >= fromUnixTimestamp64Micro({deployed:Int64}) LIMIT 1000`,
        parameters: { since: now - 30 * day, deployed: now - day },
      }),
    },
    {
      name: "changed-between-days",
      kind: "dashboard",
      statement: () => ({
        sql: `SELECT src_namespace, src_workload, dst_namespace, dst_workload, dst_port,
    sumIf(connections, time = toStartOfDay(fromUnixTimestamp64Micro({one:Int64}, 'UTC'))) AS before,
    sumIf(connections, time = toStartOfDay(fromUnixTimestamp64Micro({other:Int64}, 'UTC'))) AS after
FROM edges_1d
WHERE time IN (toStartOfDay(fromUnixTimestamp64Micro({one:Int64}, 'UTC')), toStartOfDay(fromUnixTimestamp64Micro({other:Int64}, 'UTC')))
GROUP BY ALL HAVING before != after ORDER BY abs(toInt64(after) - toInt64(before)) DESC LIMIT 1000`,
        parameters: { one: now - 8 * day, other: now - day },
      }),
    },
  ];
}

function needles(world: World, now: number): Asked[] {
  const filter = (text: string) => parseFilter(text, now / 1000);
  const pod = (round: number) => world.pods[(round * 104_729) % world.pods.length];
  const ip = (round: number) => [...(pod(round)?.address.subarray(12) ?? [])].join(".");
  return [
    {
      name: "talked-to-ip-30d",
      kind: "needle",
      statement: (round) =>
        flowsQuery({ since: now - 30 * day, filter: filter(`ip = ${ip(round)}`), limit: 1000 }),
    },
    {
      name: "connection-life",
      kind: "needle",
      statement: (round) =>
        flowsQuery({
          since: now - 30 * day,
          filter: filter(`src.ip = ${ip(round)} and src.port = ${40_000 + round}`),
          limit: 1000,
        }),
    },
    {
      name: "who-was-there",
      kind: "needle",
      statement: (round) => workloadsAtQuery(now - round * hour),
    },
    {
      name: "texts-in-force",
      kind: "needle",
      statement: (round) => policiesAtQuery(now - round * hour),
    },
  ];
}
