import { setTimeout as sleep } from "node:timers/promises";
import { watchedBy } from "@weir/identity";
import { LabError } from "../lab-error.ts";

/** Longest a node's collector may take to attach: it may just be starting, and wait for its policy. */
const ATTACH_TIMEOUT_MS = 30_000;
const ATTACH_POLL_MS = 2;

/**
 * Resolves when the node's collector watches these endpoints, or at once where none runs: then
 * nobody enforces anything. Throws where one runs and does not attach: a pod that comes up all the
 * same would be out of policy's reach.
 */
export async function awaitCollector(
  runDirectory: string,
  node: string,
  uids: string[],
  timeoutMs = ATTACH_TIMEOUT_MS,
): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; ;) {
    const watched = watchedBy(runDirectory, node);
    const missing = watched === undefined ? [] : uids.filter((uid) => !watched.has(uid));
    if (missing.length === 0) return;
    if (Date.now() > deadline) {
      throw new LabError(
        "failed",
        `the collector of ${node} does not attach to ${missing.length} new pods: its log says why`,
      );
    }
    await sleep(ATTACH_POLL_MS);
  }
}
