import { complete, maxFilterLength } from "@weir/query";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { CompletionAnswer } from "../answers.ts";
import type { Context } from "./context.ts";
import { parse } from "./parse.ts";

/** Items of an answer: more than anybody reads. */
const maxItems = 200;

const question = z.object({
  filter: z.string().max(maxFilterLength).default(""),
  at: z.coerce.number().int().min(0).optional(),
});

/** What could stand next in a filter that is being written. */
export function addComplete(server: FastifyInstance, context: Context): void {
  server.get("/v1/complete", (request, reply) => {
    const { filter, at } = parse(question, request.query);
    const { from, items } = complete(filter, at ?? filter.length, (field) => known(context, field));
    const answer: CompletionAnswer = { from, items: items.slice(0, maxItems) };
    return reply.send(answer);
  });
}

/** Names that workloads have now; the history may have others. */
function known({ who }: Context, field: string): string[] {
  const end = /^(?:(?:src|dst)\.)?(namespace|workload|pod)$/.exec(field)?.[1];
  if (end === undefined && field !== "node") return [];
  const names = new Set<string>();
  for (const one of who.index.current()) {
    if (field === "node") names.add(one.node);
    else if (end === "namespace") names.add(one.namespace);
    else if (end === "workload") names.add(one.workload);
    else if (one.kind === "pod") names.add(one.name);
  }
  names.delete("");
  return [...names].sort();
}
