import { describe, expect, it } from "@jest/globals";
import type { Message } from "@weir/bus";
import { PolicyFeed, policySetKey, policySetMessages } from "@weir/codec";
import type { PolicySet } from "@weir/codec";
import { PolicyHistory } from "./policy-history.ts";
import { take } from "./policy-news.ts";

function message(key: string, value: Uint8Array | null): Message {
  return { topic: "t", partition: 0, offset: 0n, key, value, timestampMs: 0, headers: {} };
}

const set: PolicySet = {
  ...{ revision: 5, generation: 2, mode: "enforce", created: 5 },
  documents: ["a", "b", "c", "d"].map((name) => ({
    ...{ namespace: "shop", name, text: "x".repeat(900) },
  })),
  ...{ identities: [], endpoints: [], entries: [], rules: [] },
};

function historyAt(created: number): PolicyHistory {
  return new PolicyHistory({ revision: created, generation: 1, created, documents: new Map() });
}

describe("news of the policy", () => {
  it("keeps no part of a snapshot that says nothing new, once the parts are deleted", () => {
    const feed = new PolicyFeed();
    const history = historyAt(5);
    const messages = [...policySetMessages(set, 1024)];
    for (const { key, value } of messages) take(history, feed, message(key, value));
    expect(history.generations).toEqual([]);
    for (const { key } of messages) {
      if (key !== policySetKey) expect(take(history, feed, message(key, null))).toBeUndefined();
    }
    expect(feed.partBytes).toBe(0);
  });

  it("takes a snapshot in parts that is newer, and keeps none of it", () => {
    const feed = new PolicyFeed();
    const history = historyAt(4);
    for (const { key, value } of policySetMessages(set, 1024)) {
      expect(take(history, feed, message(key, value))).toBeUndefined();
    }
    expect([history.versions.length, history.generations.length]).toEqual([4, 1]);
    expect(feed.partBytes).toBe(0);
  });
});
