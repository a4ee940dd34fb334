import { workloadCluster } from "@weir/identity";
import { type Policy, type ReplayedEdge, observedEdges, readManifests, replay } from "@weir/policy";
import { type EdgeRow, edgesQuery, parseTime } from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ReplayAnswer, ReplayLine } from "../answers.ts";
import { readChanges } from "../change-request.ts";
import { type PolicyText, policyKey } from "../policies.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";

const replayQuestion = z.object({
  files: z
    .array(z.object({ file: z.string().max(4096), text: z.string() }))
    .min(1)
    .max(10_000),
  since: z.string().max(64).default("1h"),
});

/** What policies would have done to recorded history, had they been applied. Changes nothing. */
export function addReplay(server: FastifyInstance, context: Context): void {
  server.post("/v1/replay", async (request): Promise<ReplayAnswer> => {
    const { files, since } = parse(replayQuestion, request.body);
    const pods = [...context.who.index.current()];
    const { changes } = readChanges({
      files,
      shadow: false,
      allowEmptySelection: true,
      author: "replay",
      maxDocuments: context.config.apply.maxDocuments,
      pods,
    });
    const set = context.policies.compiled();
    const held = [...(set?.documents.values() ?? [])];
    const texts = new Map([...held, ...changes].map((one) => [policyKey(one), one]));
    const nowMs = Date.now();
    const range = { since: parseTime(since, nowMs), until: nowMs * 1000 };
    const verdict = context.completeness.of(range);
    const edges = async (generation?: number): Promise<EdgeRow[]> => {
      const { sql, parameters } = edgesQuery({ ...range, generation });
      return context.store.query<EdgeRow>(sql, { parameters });
    };
    const { newlyDenied, newlyAllowed, unjudged, ...counts } = replay({
      observed: observedEdges(await edges()),
      observedInForce: observedEdges(await edges(set?.generation ?? 0)),
      cluster: workloadCluster(pods),
      // In the modes observe and shadow the kernel denies nothing.
      inForce: set?.mode === "enforce" ? policiesOf(held) : [],
      candidate: policiesOf([...texts.values()]),
    });
    const completeness = await verdict;
    return {
      ...counts,
      newlyDenied: newlyDenied.map(lineOf),
      newlyAllowed: newlyAllowed.map(lineOf),
      unjudged,
      complete: unjudged === 0 && completeness.verdict === "complete",
      completeness,
    };
  });
}

function policiesOf(texts: readonly PolicyText[]): Policy[] {
  return texts.flatMap((one) => readManifests(one.text, policyKey(one)).policies);
}

function lineOf({ first, last, ...edge }: ReplayedEdge): ReplayLine {
  const time = (micros: number): string => new Date(micros / 1000).toISOString();
  return { ...edge, first: time(first), last: time(last) };
}
