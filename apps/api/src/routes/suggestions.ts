import { workloadCluster } from "@weir/identity";
import { observedEdges, recommend } from "@weir/policy";
import { type EdgeRow, edgesQuery, parseTime } from "@weir/query";
import { version } from "@weir/runtime";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { SuggestionLine } from "../answers.ts";
import { badRequest } from "../problem.ts";
import { completenessHeader } from "./completeness.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";

const suggestionsQuestion = z.object({
  namespace: z.string().max(256).optional(),
  workload: z.string().max(512).optional(),
  since: z.string().max(64).default("1h"),
});

/** The recommender's own function, run on demand over the history asked for. */
export function addSuggestions(server: FastifyInstance, context: Context): void {
  server.get("/v1/suggestions", async (request, reply): Promise<SuggestionLine[]> => {
    const { since, ...asked } = parse(suggestionsQuestion, request.query);
    const nowMs = Date.now();
    const range = { since: parseTime(since, nowMs), until: nowMs * 1000 };
    const verdict = context.completeness.of(range);
    // All edges, whatever is asked for: a scanner shows in the whole.
    const { sql, parameters } = edgesQuery(range);
    const rows = await context.store.query<EdgeRow>(sql, { parameters });
    const cluster = workloadCluster(context.who.index.current());
    const recommended = recommend(observedEdges(rows), cluster, {
      from: range.since,
      until: range.until,
      generator: `weir ${version}`,
      ...workloadOf(asked),
    });
    completenessHeader(reply, await verdict);
    return recommended
      .filter((one) => one.text !== "" || one.leftOut.length > 0)
      .map(({ namespace, workload, text, leftOut }) => ({ namespace, workload, text, leftOut }));
  });
}

function workloadOf(asked: { namespace?: string | undefined; workload?: string | undefined }): {
  namespace?: string;
  workload?: string;
} {
  const { namespace, workload } = asked;
  if (workload === undefined) return namespace === undefined ? {} : { namespace };
  const [of, name, ...more] = workload.split("/");
  if (!of || !name || more.length > 0)
    throw badRequest(`workload: ${workload}; write NAMESPACE/NAME`);
  if (namespace !== undefined && namespace !== of) {
    throw badRequest(`workload ${workload} is not in namespace ${namespace}; give one of the two`);
  }
  return { namespace: of, workload: name };
}
