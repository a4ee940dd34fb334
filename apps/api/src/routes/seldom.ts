import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

/** An answer that seldom changes: with an ETag, and not sent again to who has it. */
export function sendSeldom(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: unknown,
): FastifyReply {
  const body = JSON.stringify(answer);
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  void reply.header("etag", tag).header("cache-control", "no-cache");
  const known = request.headers["if-none-match"]?.split(",").map((one) => one.trim()) ?? [];
  if (known.includes(tag) || known.includes(`W/${tag}`)) return reply.code(304).send();
  return reply.type("application/json; charset=utf-8").send(body);
}
