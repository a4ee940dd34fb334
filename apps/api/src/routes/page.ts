import { type FlowCursor, cursorAfter, cursorText } from "@weir/query";
import type { FastifyReply } from "fastify";

/**
 * Cuts rows to the limit, where one more was asked for, and says where the next page begins.
 */
export function cutPage<Row>(
  reply: FastifyReply,
  rows: Row[],
  limit: number,
  next: (page: Row[]) => string | undefined,
): void {
  if (rows.length <= limit) return;
  rows.length = limit;
  void reply.header("weir-truncated", String(limit));
  const cursor = next(rows);
  if (cursor !== undefined) void reply.header("weir-next", cursor);
}

/** Of rows with a time, the newest first; `before` is the cursor that they came by. */
export function nextInTime(
  before: FlowCursor | undefined,
): (page: { time: string }[]) => string | undefined {
  return (page) => {
    const next = cursorAfter(page, before);
    return next === undefined ? undefined : cursorText(next);
  };
}
