import type { z } from "zod";
import { badRequest } from "../problem.ts";

/** What a client sent, checked; throws a Problem that names each field. */
export function parse<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw badRequest(
    "the request does not fit; schemas/api/openapi.yaml has its form",
    result.error.issues.map(
      (issue) => `${issue.path.map(String).join(".") || "(body)"}: ${issue.message}`,
    ),
  );
}
