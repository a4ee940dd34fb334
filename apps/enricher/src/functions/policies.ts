import { topics } from "@weir/bus";
import type { Message } from "@weir/bus";
import {
  CodecError,
  PolicyFeed,
  policyDeltaCodec,
  policySetCodec,
  policySetIndexCodec,
  policySetKey,
} from "@weir/codec";
import { defineFunction } from "@weir/functions";
import type { FunctionBatch } from "@weir/functions";
import { encodeRows, policyGenerations, policyVersions } from "@weir/store";
import { insertToken } from "../insert-token.ts";
import {
  PolicyHistory,
  policyStateOf,
  readPolicyState,
  storedPolicyState,
} from "../policy-history.ts";
import type { PolicyState } from "../policy-history.ts";
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

/** What a message follows on has gone from the topic, or was read before this process started. */
const missing = "it follows on something that is missing";

/** Why a message cannot be taken by itself; undefined when it is. */
function take(
  history: PolicyHistory,
  snapshots: PolicyFeed,
  { key, value }: Message,
): string | undefined {
  if (value === null || key === null) return undefined;
  try {
    if (key === policySetKey || key.startsWith(`${policySetKey}/`)) {
      return takeSnapshot(history, snapshots, key, value);
    }
    const delta = policyDeltaCodec.decode(value);
    if (delta.created <= history.state.created) return undefined;
    if (!history.follows(delta)) return missing;
    history.follow(delta);
    return undefined;
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}

function takeSnapshot(
  history: PolicyHistory,
  snapshots: PolicyFeed,
  key: string,
  value: Uint8Array,
): string | undefined {
  const isWhole = key === policySetKey;
  if (isWhole && createdOf(value) <= history.state.created) return undefined;
  const [news] = snapshots.read(key, value);
  if (news?.set) history.replace(policyStateOf(news.set));
  return isWhole && news === undefined ? missing : undefined;
}

function createdOf(snapshot: Uint8Array): number {
  const { byteOffset, length } = snapshot;
  const id = length < 5 ? -1 : new DataView(snapshot.buffer, byteOffset).getUint32(1);
  const codec = id === policySetIndexCodec.schemaId ? policySetIndexCodec : policySetCodec;
  return codec.decode(snapshot).created;
}

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
