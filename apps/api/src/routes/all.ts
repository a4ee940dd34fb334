import type { FastifyInstance } from "fastify";
import { addComplete } from "./complete.ts";
import type { Context } from "./context.ts";
import { addDeadLetters } from "./dead-letters.ts";
import { addEvents } from "./events.ts";
import { addExplain } from "./explain.ts";
import { addFollow } from "./follow.ts";
import { addHealth } from "./health.ts";
import { addPolicies } from "./policies.ts";
import { addQuestions } from "./questions.ts";
import { addReachBetween } from "./reach-between.ts";
import { addReach } from "./reach.ts";
import { addReplay } from "./replay.ts";
import { addSql } from "./sql.ts";
import { addSuggestions } from "./suggestions.ts";

/** Every route; schemas/api/openapi.yaml describes them, and a test compares the two. */
export function addRoutes(server: FastifyInstance, context: Context): void {
  addHealth(server, context);
  addQuestions(server, context);
  addFollow(server, context);
  addEvents(server, context);
  addDeadLetters(server, context);
  addComplete(server, context);
  addSql(server, context);
  addPolicies(server, context);
  addSuggestions(server, context);
  addReach(server, context);
  addReachBetween(server, context);
  addReplay(server, context);
  addExplain(server, context);
}
