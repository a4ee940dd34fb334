import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { EnactedAnswer, PolicyLine } from "../answers.ts";
import { readChanges } from "../change-request.ts";
import type { Change } from "../enact.ts";
import {
  type PastGeneration,
  generationBefore,
  history,
  maxGenerations,
  pastGeneration,
} from "../history.ts";
import { policyKey } from "../policies.ts";
import { policyProblems } from "../policy-problems.ts";
import { Problem, badRequest } from "../problem.ts";
import type { Context } from "./context.ts";
import { cutPage } from "./page.ts";
import { parse } from "./parse.ts";
import { sendSeldom } from "./seldom.ts";

/** How long a rollback waits for the history to have a generation. */
const historyWaitMs = 2000;
const historyPollMs = 100;

const applyQuery = z.object({
  shadow: z.stringbool().default(false),
  allowEmptySelection: z.stringbool().default(false),
});
const applyBody = z.object({
  files: z
    .array(z.object({ file: z.string().max(4096), text: z.string() }))
    .min(1)
    .max(10_000),
  shadow: z.boolean().default(false),
  allowEmptySelection: z.boolean().default(false),
  author: z.string().max(256).default("api"),
});
/** Policies of one answer at most. */
const maxPolicies = 10_000;
const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(maxPolicies).default(maxPolicies),
  cursor: z.string().max(4096).optional(),
});
const historyQuery = z.object({
  limit: z.coerce.number().int().min(1).max(maxGenerations).default(maxGenerations),
  cursor: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .optional(),
});
const rollbackBody = z.object({
  to: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  author: z.string().max(256).default("api"),
});

/** Policies: what is wanted, what is in force, and every change of it. */
export function addPolicies(server: FastifyInstance, context: Context): void {
  addLists(server, context);
  server.post("/v1/policies", async (request): Promise<EnactedAnswer> => {
    const asked =
      typeof request.body === "string"
        ? {
            ...parse(applyQuery, request.query),
            files: [{ file: "body", text: request.body }],
            author: "api",
          }
        : parse(applyBody, request.body);
    const { changes, warnings } = readChanges({
      ...asked,
      maxDocuments: context.config.apply.maxDocuments,
      pods: [...context.who.index.current()],
    });
    const enacted = await context.enact(() => ({ changes, deletions: [] }));
    return { ...enacted, warnings: [...warnings, ...enacted.warnings] };
  });
  server.delete<{ Params: { namespace: string; name: string } }>(
    "/v1/policies/:namespace/:name",
    async (request): Promise<EnactedAnswer> => {
      const key = policyKey(request.params);
      return context.enact(() => {
        if (context.policies.wanted().has(key)) return { changes: [], deletions: [key] };
        const detail = `there is no policy ${key}; see: weir policy list`;
        throw new Problem(404, "no such policy", detail);
      });
    },
  );
  server.post("/v1/policies/rollback", async (request) => rollback(context, request.body));
}

function addLists(server: FastifyInstance, context: Context): void {
  server.get("/v1/policies", async (request, reply) => {
    const { limit, cursor } = parse(listQuery, request.query);
    const lines = wanted(context, { limit, after: keyOf(cursor ?? "") });
    // Whoever published them chose their names: not every one may stand in a header.
    cutPage(reply, lines, limit, (page) => encodeURIComponent(page.at(-1)?.key ?? ""));
    return sendSeldom(
      request,
      reply,
      lines.map(({ line }) => line),
    );
  });
  server.get("/v1/policies/history", async (request, reply) => {
    const { limit, cursor } = parse(historyQuery, request.query);
    const lines = await history(context.store, { limit, before: cursor });
    cutPage(reply, lines, limit, (page) => String(page.at(-1)?.generation));
    return sendSeldom(request, reply, lines);
  });
}

function keyOf(cursor: string): string {
  try {
    return decodeURIComponent(cursor);
  } catch {
    throw badRequest("cursor: is none; take it as an answer gave it");
  }
}

/** By their names, one more than the limit where there is one. */
function wanted(
  { policies }: Context,
  { limit, after }: { limit: number; after: string },
): { key: string; line: PolicyLine }[] {
  const problems = policyProblems(policies);
  return [...policies.wanted().entries()]
    .filter(([key]) => key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit + 1)
    .map(([key, one]) => {
      const problem = problems.get(key);
      const line = {
        namespace: one.namespace,
        name: one.name,
        shadow: one.shadow,
        inForce: problem === undefined,
        changed: new Date(one.changed / 1000).toISOString(),
        author: one.author,
        text: one.text,
        ...(problem === undefined ? {} : { problem }),
      };
      return { key, line };
    });
}

/** Puts the texts and the mode of an earlier generation back, as a new generation. */
async function rollback(context: Context, body: unknown): Promise<EnactedAnswer> {
  const { to, author } = parse(rollbackBody, body ?? {});
  return context.enact(async () => {
    const current = context.policies.compiled()?.generation ?? 0;
    const generation = to ?? current - 1;
    if (generation < 0 || generation >= current) {
      throw badRequest(
        `generation ${generation} is not before the current one, ${current}; see: weir policy history`,
      );
    }
    const past =
      (await pastGenerationSoon(context.store, generation)) ??
      (to === undefined ? await generationBefore(context.store, current) : undefined);
    if (past !== undefined) return changeTo(context, past, author);
    const detail = `generation ${generation} is not in the history; see: weir policy history`;
    throw new Problem(404, "no such generation", detail);
  });
}

function changeTo(context: Context, past: PastGeneration, author: string): Change {
  const held = context.policies.wanted();
  const kept = new Set(past.documents.map(policyKey));
  // The kernel has one mode for all policies, so has a generation.
  const shadow = past.mode === "shadow";
  const changed = Date.now() * 1000;
  return {
    changes: past.documents.map((one) => ({ ...one, shadow, changed, author })),
    deletions: [...held.keys()].filter((key) => !kept.has(key)),
  };
}

/** What was published a moment ago is on its way to the store. */
async function pastGenerationSoon(
  store: Context["store"],
  generation: number,
): Promise<PastGeneration | undefined> {
  for (let waitedMs = 0; ; waitedMs += historyPollMs) {
    const past = await pastGeneration(store, generation);
    if (past !== undefined || waitedMs >= historyWaitMs) return past;
    await new Promise((resolve) => setTimeout(resolve, historyPollMs));
  }
}
