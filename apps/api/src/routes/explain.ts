import { workloadCluster } from "@weir/identity";
import {
  type Cluster,
  type Explanation,
  type Party,
  explain,
  namedParty,
  protocolNumber,
  readManifests,
} from "@weir/policy";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { policyKey } from "../policies.ts";
import { Problem, badRequest } from "../problem.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";

const explainQuestion = z.object({
  from: z.string().max(512),
  to: z.string().max(512),
  port: z.coerce.number().int().min(0).max(65_535),
  protocol: z.enum(["TCP", "UDP", "SCTP", "ICMP", "ICMPv6"]).default("TCP"),
});

/** Why a connection is allowed or denied by what is in force now. */
export function addExplain(server: FastifyInstance, context: Context): void {
  server.get("/v1/explain", async (request): Promise<Explanation> => {
    const { from, to, port, protocol } = parse(explainQuestion, request.query);
    if (protocolNumber(protocol) !== 1 && protocolNumber(protocol) !== 58 && port === 0) {
      throw badRequest(`port: ${protocol} has ports from 1 to 65535`);
    }
    const cluster = workloadCluster(context.who.index.current());
    const documents = [...(context.policies.compiled()?.documents.values() ?? [])];
    const policies = documents.flatMap((one) => readManifests(one.text, policyKey(one)).policies);
    return explain(cluster, policies, {
      from: partyOf(cluster, from),
      to: partyOf(cluster, to),
      port,
      protocol,
    });
  });
}

function partyOf(cluster: Cluster, text: string): Party {
  const party = namedParty(cluster, text);
  if (party !== undefined) return party;
  const detail = `there is no pod and no workload ${text}; weir sql "SELECT namespace, name FROM workloads" lists them`;
  throw new Problem(404, "no such pod", detail);
}
