import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import {
  parseAddress,
  policyDeltaCodec,
  policyDeltaKey,
  policySetCodec,
  policySetKey,
  policySetMessages,
} from "@weir/codec";
import type { PolicyDelta, PolicySet } from "@weir/codec";
import { silentLog } from "@weir/runtime";
import { followPolicies } from "./policy-follower.ts";
import type { PolicyFollower } from "./policy-follower.ts";

const head = (revision: number) => ({
  ...{ revision, generation: revision, mode: "enforce" as const, created: 0 },
});

function set(revision: number): PolicySet {
  const identities = Array.from({ length: 40 }, (_, index) => ({
    addr: parseAddress(`10.0.0.${index}`),
    ...{ prefix_bits: 128, identity: 16 },
  }));
  const none = { documents: [], endpoints: [], entries: [], rules: [] };
  return { ...head(revision), ...none, identities };
}

function delta(base: number, revision = base + 1): PolicyDelta {
  const none = { set: [], deleted: [] };
  const nothing = {
    documents: none,
    identities: none,
    endpoints: none,
    entries: none,
    rules: none,
  };
  return { base_revision: base, ...head(revision), ...nothing };
}

describe("following the policy's topic", () => {
  let bus: Bus;
  let follower: PolicyFollower;
  let outcomes: (string | null)[];
  let taken: string[];
  let refuse: string | undefined;
  let fail: string | undefined;

  const publish = (...messages: { key: string; value: Uint8Array }[]): Promise<void> =>
    bus.send(topics.policies.name, messages);
  const setMessage = (revision: number) => ({
    key: policySetKey,
    value: policySetCodec.encode(set(revision)),
  });
  const deltaMessage = (base: number, revision = base + 1) => ({
    key: policyDeltaKey(revision),
    value: policyDeltaCodec.encode(delta(base, revision)),
  });
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const take = (what: string): void => {
    if (refuse === what) throw new RangeError("no map can hold it");
    taken.push(what);
  };
  const follow = async (): Promise<void> => {
    follower = await followPolicies({
      bus,
      log: silentLog(),
      replace: (one) => take(`set ${one.revision} of ${one.identities.length}`),
      edit: (one) => take(`delta ${one.revision}`),
      async settle() {
        await Promise.resolve();
        if (fail !== undefined) throw new Error(fail);
        taken.push("settled");
      },
      onOutcome: (error) => outcomes.push(error),
    });
    expect(await follower.caughtUp(5000)).toBe(true);
  };

  beforeEach(async () => {
    bus = createMemoryBus();
    await bus.ensureTopics([topics.policies]);
    outcomes = [];
    taken = [];
    refuse = undefined;
    fail = undefined;
  });
  afterEach(async () => {
    await follower.close();
    await bus.close();
  });

  it("takes the snapshot and what follows on it, and writes them at once", async () => {
    await publish(setMessage(3), deltaMessage(3), deltaMessage(4));
    await follow();
    expect(taken.filter((one) => one !== "settled")).toEqual(["set 3 of 40", "delta 4", "delta 5"]);
    expect(taken.at(-1)).toBe("settled");
    expect(outcomes.at(-1)).toBeNull();
    expect(follower.counters).toMatchObject({ snapshots: 1, deltas: 2 });
  });

  it("puts a snapshot in parts together", async () => {
    await publish(...policySetMessages(set(3), 200));
    await follow();
    expect(taken).toEqual(["set 3 of 40", "settled"]);
  });

  it("stays as it is after a gap, until the next snapshot", async () => {
    await publish(setMessage(3));
    await follow();
    await publish(deltaMessage(4), deltaMessage(5));
    await settled();
    expect(taken).toEqual(["set 3 of 40", "settled"]);
    expect(outcomes).toEqual([null, expect.stringMatching(/follow on revision 3 are missing/)]);
    await publish(setMessage(6), deltaMessage(6));
    await settled();
    await settled();
    expect(outcomes.at(-1)).toBeNull();
    expect(taken.slice(2)).toEqual(["set 6 of 40", "delta 7", "settled"]);
  });

  it("keeps what it has when something cannot be read, and says so until the next", async () => {
    await publish(setMessage(3));
    await follow();
    await publish({ key: policyDeltaKey(4), value: Uint8Array.of(0, 1, 2) });
    await settled();
    expect(outcomes.at(-1)).toMatch(/unreadable policy/);
    expect(taken).toEqual(["set 3 of 40", "settled"]);
    await publish(deltaMessage(3));
    await settled();
    await settled();
    expect(outcomes.at(-1)).toBeNull();
    expect(follower.counters).toMatchObject({ refused: 1, deltas: 1 });
  });

  it("takes no change that follows on one that was invalid", async () => {
    await publish(setMessage(3));
    await follow();
    refuse = "delta 4";
    await publish(deltaMessage(3), deltaMessage(4));
    await settled();
    await settled();
    expect(outcomes.at(-1)).toMatch(/generation 4, revision 4: no map can hold it/);
    expect(follower.counters).toMatchObject({ refused: 1, skipped: 1 });
    await publish(setMessage(6), deltaMessage(6));
    await settled();
    await settled();
    expect(taken.slice(-3)).toEqual(["set 6 of 40", "delta 7", "settled"]);
    expect(outcomes.at(-1)).toBeNull();
  });

  it("tells what the kernel refused, and tries again when it is told to", async () => {
    fail = "ENOSPC";
    await publish(setMessage(3));
    await follow();
    expect(outcomes).toEqual(["generation 3: ENOSPC"]);
    fail = undefined;
    follower.again();
    await settled();
    await settled();
    expect(outcomes).toEqual(["generation 3: ENOSPC", null]);
  });

  it("says when the topic could not be read in time", async () => {
    const late = { ...bus, readTable: () => Promise.resolve(never()) };
    follower = await followPolicies({
      bus: late as unknown as Bus,
      ...{ log: silentLog(), replace: () => {}, edit: () => {}, onOutcome: () => {} },
      settle: () => Promise.resolve(),
    });
    expect(await follower.caughtUp(1)).toBe(false);
  });
});

function never() {
  const caughtUp = new Promise<void>(() => {});
  return { caughtUp, close: () => Promise.resolve() };
}
