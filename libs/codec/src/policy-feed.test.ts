import type { PolicyDelta, PolicySet } from "./events.ts";
import { PolicyFeed } from "./policy-feed.ts";
import { policyDeltaKey, policySetMessages } from "./policy-messages.ts";
import { policyDeltaCodec, policySetCodec } from "./record-codec.ts";

function setOf(revision: number, entries = 1): PolicySet {
  return {
    generation: revision,
    revision,
    mode: "enforce",
    created: revision,
    documents: [{ namespace: "shop", name: "cart", text: `kind: NetworkPolicy # ${revision} é` }],
    identities: [{ addr: Buffer.alloc(16, revision), prefix_bits: 128, identity: 16 }],
    endpoints: [
      { namespace: "shop", pod: "cart-0", uid: "u1", ingress_rule_set: 1, egress_rule_set: 0 },
    ],
    entries: Array.from({ length: entries }, (_, port) => ({
      ...{ rule_set: 1, identity: 0, prefix_bits: 88, protocol: 6, rule: 1, port },
    })),
    rules: [{ rule: 1, text: "shop/cart ingress[0]" }],
  };
}

function deltaOf(base: number, revision = base + 1): PolicyDelta {
  const none = { set: [], deleted: [] };
  return {
    ...{ base_revision: base, revision, generation: 1, mode: "enforce", created: revision },
    ...{ documents: none, identities: none, endpoints: none, entries: none, rules: none },
  };
}

function message(delta: PolicyDelta): [string, Uint8Array] {
  return [policyDeltaKey(delta.revision), policyDeltaCodec.encode(delta)];
}

/** What a feed gives out for these records, by revision. */
function revisions(feed: PolicyFeed, records: [string, Uint8Array | null][]): number[] {
  return records
    .flatMap(([key, value]) => feed.read(key, value))
    .map((news) => (news.set ?? news.delta).revision);
}

function snapshot(set: PolicySet, partBytes = 1 << 20): [string, Uint8Array][] {
  return [...policySetMessages(set, partBytes)].map(({ key, value }) => [key, value]);
}

describe("PolicyFeed", () => {
  it("gives out a snapshot and the deltas that follow on it", () => {
    const feed = new PolicyFeed();
    const records = [...snapshot(setOf(5)), message(deltaOf(5)), message(deltaOf(6))];
    expect(revisions(feed, records)).toEqual([5, 6, 7]);
  });

  it("keeps deltas that come before the snapshot they follow on", () => {
    const feed = new PolicyFeed();
    expect(revisions(feed, [message(deltaOf(6)), message(deltaOf(5))])).toEqual([]);
    expect(feed.waiting).toBe(2);
    expect(revisions(feed, snapshot(setOf(5)))).toEqual([5, 6, 7]);
    expect(feed.waiting).toBe(0);
  });

  it("waits at a gap for the next snapshot", () => {
    const feed = new PolicyFeed();
    expect(revisions(feed, [...snapshot(setOf(5)), message(deltaOf(6))])).toEqual([5]);
    expect(revisions(feed, snapshot(setOf(7)))).toEqual([7]);
    expect(revisions(feed, [message(deltaOf(7))])).toEqual([8]);
  });

  it("never goes back: neither to an older snapshot nor to a delta once more", () => {
    const feed = new PolicyFeed();
    const records = [...snapshot(setOf(5)), message(deltaOf(5))];
    expect(revisions(feed, records)).toEqual([5, 6]);
    expect(revisions(feed, [...records, ...snapshot(setOf(4))])).toEqual([]);
    expect(feed.revision).toBe(6);
  });

  it("forgets a delta that was deleted while it waited", () => {
    const feed = new PolicyFeed();
    expect(revisions(feed, [message(deltaOf(5)), [policyDeltaKey(6), null]])).toEqual([]);
    expect(revisions(feed, snapshot(setOf(5)))).toEqual([5]);
  });

  it("puts a set that came in parts together as it was", () => {
    const set = setOf(5, 500);
    const records = snapshot(set, 1000);
    expect(records.length).toBeGreaterThan(10);
    for (const [, value] of records) expect(value.length).toBeLessThan(1100);
    const feed = new PolicyFeed();
    const [first, ...rest] = records.flatMap(([key, value]) => feed.read(key, value));
    expect(rest).toEqual([]);
    const bytes = (one: PolicySet): string =>
      Buffer.from(policySetCodec.encode(one)).toString("hex");
    expect(bytes(first?.set as PolicySet) === bytes(set)).toBe(true);
  });

  it("refuses parts that are missing or not those that were sent, and takes the next snapshot", () => {
    const records = snapshot(setOf(5, 500), 1000);
    const feed = new PolicyFeed();
    expect(() => revisions(feed, records.slice(1))).toThrow(
      /part 0 of \d+ of revision 5 is missing/,
    );
    const mixed = records.map(([key, value], index): [string, Uint8Array] =>
      index === 2 ? [key, (records[3] as [string, Uint8Array])[1]] : [key, value],
    );
    expect(() => revisions(new PolicyFeed(), mixed)).toThrow(/are not those that were sent/);
    expect(revisions(feed, snapshot(setOf(6, 500), 1000))).toEqual([6]);
  });

  it("refuses what cannot be read and goes on", () => {
    const feed = new PolicyFeed();
    revisions(feed, snapshot(setOf(5)));
    expect(() => feed.read(policyDeltaKey(6), Uint8Array.of(0, 1, 2))).toThrow(/ends within/);
    expect(() => feed.read("current", Uint8Array.of(0, 1, 2, 3, 4, 5))).toThrow(/schema id/);
    expect(feed.read("something/else", Uint8Array.of(1))).toEqual([]);
    expect(revisions(feed, [message(deltaOf(5))])).toEqual([6]);
  });
});
