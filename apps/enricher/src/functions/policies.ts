import { topics } from "@weir/bus";
import { PolicyFeed } from "@weir/codec";
import { defineFunction } from "@weir/functions";
import type { FunctionBatch } from "@weir/functions";
import { encodeRows, policyGenerations, policyVersions } from "@weir/store";
import { insertToken } from "../insert-token.ts";
import { PolicyHistory, readPolicyState, storedPolicyState } from "../policy-history.ts";
import type { PolicyState } from "../policy-history.ts";
import { missing, take } from "../policy-news.ts";
import type { EnricherServices } from "../services.ts";

/**
 * Every generation of the policy, and each text from the generation on that changed it, to what
 * `policies` shows: what a flow's generation refers to. Deltas say it all; a snapshot counts where it
 * is newer than what is known. Where something is missing the topic is read as it is now.
 */
export default defineFunction<EnricherServices>({
  name: "enrich-policies",
  input: topics.policies.name,
  outputs: [],
  batch: { maxMessages: 1000, maxBytes: 8 * 1024 * 1024, maxWaitMs: 200 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start({ store, bus }) {
    let known: PolicyState | undefined;
    const snapshots = new PolicyFeed();
    return {
      async handle(batch, context) {
        known ??= await storedPolicyState(store);
        const history = new PolicyHistory(known);
        for (const message of batch.messages) {
          const wrong = take(history, snapshots, message);
          if (wrong === undefined) continue;
          const state = await readPolicyState(bus);
          if (state && state.created > history.state.created) history.replace(state);
          else if (wrong !== missing) await context.deadLetter(message, wrong);
        }
        await insert(store, history, batch);
        known = history.state;
      },
    };
  },
});

async function insert(
  store: EnricherServices["store"],
  { generations, versions }: PolicyHistory,
  batch: FunctionBatch,
): Promise<void> {
  const token = insertToken(batch);
  // Texts first: a generation that is known is known with its texts.
  if (versions.length > 0) {
    await store.insertNative(policyVersions.name, encodeRows(policyVersions, versions), token);
  }
  if (generations.length > 0) {
    const block = encodeRows(policyGenerations, generations);
    await store.insertNative(policyGenerations.name, block, token);
  }
}
