import type { PolicyDocument } from "@weir/codec";
import { workloadCluster } from "@weir/identity";
import {
  type Cluster,
  type Party,
  explain,
  namedParty,
  protocolNumber,
  readManifests,
} from "@weir/policy";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ExplainAnswer } from "../answers.ts";
import { endOfGeneration, pastGeneration } from "../history.ts";
import { policyKey } from "../policies.ts";
import { Problem, badRequest } from "../problem.ts";
import { clusterAt } from "../questions-then.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";

const explainQuestion = z.object({
  from: z.string().max(512),
  to: z.string().max(512),
  port: z.coerce.number().int().min(0).max(65_535),
  protocol: z.enum(["TCP", "UDP", "SCTP", "ICMP", "ICMPv6"]).default("TCP"),
  generation: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
});

/** Why a connection is allowed or denied, by what is in force now or by an earlier generation. */
export function addExplain(server: FastifyInstance, context: Context): void {
  server.get("/v1/explain", async (request): Promise<ExplainAnswer> => {
    const { from, to, port, protocol, generation } = parse(explainQuestion, request.query);
    if (protocolNumber(protocol) !== 1 && protocolNumber(protocol) !== 58 && port === 0) {
      throw badRequest(`port: ${protocol} has ports from 1 to 65535`);
    }
    const decree = await decreeOf(context, generation);
    const { cluster, pods } = await podsOf(context, decree, [from, to]);
    const policies = decree.documents.flatMap(
      (one) => readManifests(one.text, policyKey(one)).policies,
    );
    const explanation = explain(cluster, policies, {
      from: partyOf(cluster, from),
      to: partyOf(cluster, to),
      port,
      protocol,
    });
    return { ...explanation, generation: decree.generation, mode: decree.mode, pods };
  });
}

interface Decree {
  generation: number;
  /** Another one is in force. */
  isPast: boolean;
  mode: string;
  documents: PolicyDocument[];
}

async function decreeOf({ policies, store }: Context, generation?: number): Promise<Decree> {
  const now = policies.compiled();
  if (generation === undefined || generation === now?.generation) {
    const documents = [...(now?.documents.values() ?? [])];
    const [held, mode] = [now?.generation ?? 0, now?.mode ?? "observe"];
    return { generation: held, isPast: false, mode, documents };
  }
  const past = await pastGeneration(store, generation);
  if (past !== undefined) return { generation, isPast: true, ...past };
  const detail = `generation ${generation} is not in the history; see: weir policy history`;
  throw new Problem(404, "no such generation", detail);
}

/**
 * Pods of a generation that is past: those there were when it ended; of now where those do not have
 * both that are asked for, or nobody kept them.
 */
async function podsOf(
  { store, who }: Context,
  { generation, isPast }: Decree,
  parties: string[],
): Promise<{ cluster: Cluster; pods: string }> {
  const ended = isPast ? await endOfGeneration(store, generation) : undefined;
  if (ended !== undefined) {
    const then = await clusterAt(store, ended - 1);
    const isThere = parties.every((one) => namedParty(then, one) !== undefined);
    if (isThere) return { cluster: then, pods: new Date(ended / 1000).toISOString() };
  }
  return { cluster: workloadCluster(who.index.current()), pods: "now" };
}

function partyOf(cluster: Cluster, text: string): Party {
  const party = namedParty(cluster, text);
  if (party !== undefined) return party;
  const detail = `there is no pod and no workload ${text}; weir sql "SELECT namespace, name FROM workloads" lists them`;
  throw new Problem(404, "no such pod", detail);
}
