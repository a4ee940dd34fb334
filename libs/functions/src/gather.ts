import type { Message } from "@weir/bus";
import type { Intent } from "./intent.ts";
import type { PartitionQueue } from "./queue.ts";

export interface BatchBounds {
  maxMessages: number;
  /** A single message above it makes a batch of its own. */
  maxBytes: number;
  /** Counted from the arrival of the batch's first message. */
  maxWaitMs: number;
}

/**
 * The next batch: as many messages as fit the bounds, in order, or fewer when the wait is over or
 * `flushing` says so. Empty only when flushing an empty queue.
 */
export async function gatherBatch(
  queue: PartitionQueue,
  bounds: BatchBounds,
  flushing: () => boolean,
): Promise<Message[]> {
  const batch: Message[] = [];
  let bytes = 0;
  let deadlineMs = Infinity;
  for (;;) {
    for (let next = queue.peek(); next; next = queue.peek()) {
      if (batch.length === 0) deadlineMs = next.arrivedMs + bounds.maxWaitMs;
      else if (bytes + next.bytes > bounds.maxBytes) return batch;
      bytes += next.bytes;
      batch.push(next.message);
      queue.shift();
      if (batch.length >= bounds.maxMessages || bytes >= bounds.maxBytes) return batch;
    }
    if (flushing()) return batch;
    const leftMs = deadlineMs === Infinity ? Infinity : deadlineMs - performance.now();
    if (leftMs <= 0) return batch;
    await queue.arrival(leftMs);
  }
}

/**
 * The batch that was in flight before a restart, with exactly the messages it had: everything up
 * to `intent.last`, whatever today's bounds are. A compacted topic may have lost some of them, in
 * favour of newer ones that follow. It waits without limit: a shorter batch under the same token
 * would lose what is missing. Undefined when `stopping` before it was complete.
 */
export async function gatherReplay(
  queue: PartitionQueue,
  intent: Intent,
  stopping: () => boolean,
): Promise<Message[] | undefined> {
  const batch: Message[] = [];
  for (;;) {
    for (let next = queue.peek(); next; next = queue.peek()) {
      if (next.message.offset > intent.last) return batch;
      batch.push(next.message);
      queue.shift();
      if (next.message.offset === intent.last) return batch;
    }
    if (stopping()) return undefined;
    await queue.arrival(Infinity);
  }
}
