import type { FunctionBatch } from "@weir/functions";

/**
 * The token of a batch for the store. Offsets alone would repeat when a topic is made anew beside
 * a store that remembers them, and the store would then refuse rows it has never seen; the time of
 * the first message tells the two apart, and is the same when the batch comes again.
 */
export function insertToken({ token, messages }: FunctionBatch): string {
  return `${token}@${Math.round(messages[0]?.timestampMs ?? 0)}`;
}
