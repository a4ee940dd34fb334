import type { Message } from "@weir/bus";
import {
  CodecError,
  policyDeltaCodec,
  policySetCodec,
  policySetIndexCodec,
  policySetKey,
} from "@weir/codec";
import type { PolicyFeed } from "@weir/codec";
import { policyStateOf } from "./policy-history.ts";
import type { PolicyHistory } from "./policy-history.ts";

/** What a message follows on has gone from the topic, or was read before this process started. */
export const missing = "it follows on something that is missing";

/** Why a message cannot be taken by itself; undefined when it is. */
export function take(
  history: PolicyHistory,
  snapshots: PolicyFeed,
  { key, value }: Message,
): string | undefined {
  if (key === null) return undefined;
  try {
    if (key === policySetKey || key.startsWith(`${policySetKey}/`)) {
      if (value !== null) return takeSnapshot(history, snapshots, key, value);
      // A part is deleted, maybe one that was kept for a snapshot that said nothing new.
      snapshots.read(key, null);
    }
    if (value === null) return undefined;
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
  const codec = policySetIndexCodec.reads(snapshot) ? policySetIndexCodec : policySetCodec;
  return codec.decode(snapshot).created;
}
