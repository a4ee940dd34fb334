import { createHash } from "node:crypto";
import type { PolicySet } from "./events.ts";
import { policySetCodec, policySetIndexCodec } from "./record-codec.ts";

/** Where readers of weir.policies.v1 find the newest snapshot. */
export const policySetKey = "current";

/**
 * Header of records of weir.policy-documents.v1 that belong to one change: an id, a space and how many
 * they are. A record without it is a change of its own.
 */
export const policyChangeHeader = "weir-change";

/** A message of weir.policies.v1. */
export interface PolicyMessage {
  key: string;
  value: Uint8Array;
}

export function policyDeltaKey(revision: number): string {
  return `delta/${revision}`;
}

export function policyPartKey(revision: number, part: number): string {
  return `${policySetKey}/${revision}/${part}`;
}

/**
 * A snapshot as messages of about `partBytes` each, to be sent in this order. One that fits is the
 * PolicySet itself; of a larger one come the parts, then the index that makes them valid. Each is
 * encoded when it is asked for, so that a caller can let others work between two.
 */
export function* policySetMessages(set: PolicySet, partBytes: number): Generator<PolicyMessage> {
  const parts = slices(set, partBytes);
  const [only, second] = parts;
  if (only !== undefined && second === undefined) {
    yield { key: policySetKey, value: policySetCodec.encode(only) };
    return;
  }
  const hash = createHash("sha256");
  for (const [part, slice] of parts.entries()) {
    const value = policySetCodec.encode(slice);
    hash.update(value);
    yield { key: policyPartKey(set.revision, part), value };
  }
  const { generation, revision, mode, created } = set;
  const digest = Uint8Array.from(hash.digest());
  yield {
    key: policySetKey,
    value: policySetIndexCodec.encode({
      ...{ generation, revision, mode, created, digest },
      parts: parts.length,
    }),
  };
}

const arrays = ["documents", "identities", "endpoints", "entries", "rules"] as const;

/** At least one; each with about `partBytes`, or one item that is larger by itself. */
function slices(set: PolicySet, partBytes: number): PolicySet[] {
  const { generation, revision, mode, created } = set;
  const empty = (): PolicySet => ({
    ...{ generation, revision, mode, created },
    ...{ documents: [], identities: [], endpoints: [], entries: [], rules: [] },
  });
  let slice = empty();
  const all = [slice];
  let bytes = 0;
  for (const array of arrays) {
    for (const item of set[array]) {
      const size = sizeOf(item);
      if (bytes > 0 && bytes + size > partBytes) {
        slice = empty();
        all.push(slice);
        bytes = 0;
      }
      bytes += size;
      (slice[array] as unknown[]).push(item);
    }
  }
  return all;
}

/** No less than the item's encoding: texts by their UTF-8 form, numbers by their longest. */
function sizeOf(item: object): number {
  let bytes = 0;
  for (const value of Object.values(item) as unknown[]) {
    if (typeof value === "string") bytes += Buffer.byteLength(value) + 5;
    else bytes += value instanceof Uint8Array ? value.length : 5;
  }
  return bytes;
}
