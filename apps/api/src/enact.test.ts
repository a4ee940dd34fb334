import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Mode, PolicyChange, PolicyDocument } from "@weir/codec";
import { createEnactor } from "./enact.ts";
import type { HeardNode, Nodes } from "./nodes.ts";
import { waitUntil } from "./nodes.ts";
import type { Policies } from "./policies.ts";
import { policyKey } from "./policies.ts";
import { report } from "./testing.ts";

/** Topics, controller and one node as the enactor sees them; each does what the test lets it do. */
class World {
  readonly wanted = new Map<string, PolicyChange>();
  readonly documents = new Map<string, PolicyDocument>();
  readonly published: string[][] = [];
  generation = 1;
  revision = 1;
  mode: Mode = "observe";
  /** The controller compiles by itself, and the node follows. */
  isCompiling = true;
  isFollowing = true;
  /** What the node's configuration limits it to. */
  limit: Mode | undefined;
  node = { ...report, node: "n1", generation: 1, revision: 1 };
  readonly #waiting = new Set<() => void>();

  readonly policies = {
    wanted: () => this.wanted,
    compiled: () => {
      const { generation, revision, mode, documents } = this;
      return { generation, revision, mode, documents };
    },
    publish: async (changes: PolicyChange[], deletions: string[]) => {
      await Promise.resolve();
      this.published.push([...changes.map(policyKey), ...deletions.map((key) => `-${key}`)]);
      for (const one of changes) this.wanted.set(policyKey(one), one);
      for (const key of deletions) this.wanted.delete(key);
      if (this.isCompiling) this.compile();
    },
    wait: (holds: () => boolean, timeoutMs: number) => waitUntil(this.#waiting, holds, timeoutMs),
  } as unknown as Policies;
  /** Others, and those that are not heard of any more. */
  others: HeardNode[] = [];
  silent = new Set<string>();
  readonly nodes = {
    all: (): HeardNode[] => [{ report: this.node, heardMs: Date.now() - 9000 }, ...this.others],
    live: (): HeardNode[] => this.nodes.all().filter((one) => !this.silent.has(one.report.node)),
    wait: (holds: () => boolean, timeoutMs: number) => waitUntil(this.#waiting, holds, timeoutMs),
  } as unknown as Nodes;

  compile(): void {
    const before = JSON.stringify([this.mode, [...this.documents]]);
    this.documents.clear();
    for (const [key, one] of this.wanted) this.documents.set(key, one);
    const shadows = [...this.wanted.values()].filter((one) => one.shadow).length;
    this.mode = this.wanted.size === 0 ? "observe" : shadows > 0 ? "shadow" : "enforce";
    const after = JSON.stringify([this.mode, [...this.documents]]);
    if (before !== after) this.generation++;
    this.revision++;
    if (this.isFollowing) this.follow();
    this.tell();
  }

  follow(): void {
    const { generation, revision } = this;
    this.node = { ...this.node, generation, revision, mode: this.limit ?? this.mode };
    this.tell();
  }

  tell(): void {
    for (const again of this.#waiting) again();
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

function change(name: string, text: string, shadow = false): PolicyChange {
  return { namespace: "shop", name, text, shadow, changed: Date.now(), author: "test" };
}
const apply = (...changes: PolicyChange[]) => ({ changes, deletions: [] });
const enactor = (timeoutMs = 2000) => createEnactor(world.policies, world.nodes, timeoutMs);

describe("enacting a change", () => {
  it("publishes only what differs, and answers with the generation that holds it", async () => {
    const enact = enactor();
    const first = await enact(() => apply(change("a", "1"), change("b", "1")));
    expect(first).toMatchObject({ generation: 2, mode: "enforce", nodes: ["n1"], changed: true });
    const second = await enact(() => apply(change("a", "1"), change("b", "2")));
    expect(second).toMatchObject({ generation: 3, applied: ["shop/a", "shop/b"], changed: true });
    expect(await enact(() => apply(change("a", "1")))).toMatchObject({
      generation: 3,
      changed: false,
    });
    expect(world.published).toEqual([["shop/a", "shop/b"], ["shop/b"]]);
  });

  it("answers also where a change makes no generation: one shadow more among others", async () => {
    const enact = enactor();
    await enact(() => apply(change("a", "1", true), change("b", "1")));
    // Documents compare by text: the mode is shadow already.
    world.compile = () => world.tell();
    expect(await enact(() => apply(change("b", "1", true)))).toMatchObject({ mode: "shadow" });
  });

  it("names a node whose configuration lets the policy do less", async () => {
    const enact = enactor();
    expect((await enact(() => apply(change("a", "1")))).warnings).toEqual([]);
    world.limit = "shadow";
    const { mode, warnings } = await enact(() => apply(change("a", "2")));
    expect([mode, warnings]).toEqual([
      "enforce",
      [expect.stringMatching(/^node n1 holds the policy in mode shadow.*modeLimit/)],
    ]);
  });

  it("rests on what the one before has left", async () => {
    const enact = enactor();
    const seen: number[] = [];
    const count = (name: string) => () => {
      seen.push(world.wanted.size);
      return apply(change(name, "1"));
    };
    await Promise.all([enact(count("a")), enact(count("b")), enact(count("c"))]);
    expect(seen).toEqual([0, 1, 2]);
  });

  it("goes on after one that fails, and after one that is refused at its turn", async () => {
    const enact = enactor(50);
    world.isCompiling = false;
    await expect(enact(() => apply(change("a", "1")))).rejects.toMatchObject({ status: 504 });
    const refused = enact(() => Promise.reject(new Error("gone")));
    await expect(refused).rejects.toThrow("gone");
    world.isCompiling = true;
    expect(await enact(() => apply(change("b", "1")))).toMatchObject({ generation: 2 });
  });

  it("keeps no later change waiting for a node that does not answer, and names the node", async () => {
    world.isFollowing = false;
    world.node = { ...world.node, error: "no room" };
    const enact = enactor(300);
    const slow = enact(() => apply(change("a", "1")));
    const outcome = slow.catch((error: unknown) => error);
    await waitUntil(new Set(), () => world.published.length === 1, 1000);
    const next = enact(() => apply(change("b", "1")));
    await waitUntil(new Set(), () => world.published.length === 2, 1000);
    expect(world.published).toEqual([["shop/a"], ["shop/b"]]);
    expect(await outcome).toMatchObject({
      status: 504,
      problems: ["n1: holds generation 1; no room"],
    });
    world.follow();
    expect(await next).toMatchObject({ generation: 3 });
  });

  it("does not call in force what a node holds and cannot enforce at an interface", async () => {
    const text = "no policy is enforced at 1 interfaces";
    world.node = { ...world.node, error: text, counters: { interfaces_unwatched: 1 } };
    await expect(enactor(50)(() => apply(change("a", "1")))).rejects.toMatchObject({
      status: 504,
      problems: [`n1: holds generation 2; ${text}`],
    });
    world.node = { ...world.node, error: null, counters: { interfaces_unwatched: 0 } };
    expect(await enactor()(() => apply(change("a", "1")))).toMatchObject({ nodes: ["n1"] });
  });

  it("waits for a node also when it falls silent meanwhile", async () => {
    world.isFollowing = false;
    const enacted = enactor(500)(() => apply(change("a", "1")));
    setTimeout(() => world.silent.add("n1"), 50);
    await expect(enacted).rejects.toMatchObject({ status: 504 });
  });

  it("warns of nodes that it could not ask, and where there is none", async () => {
    const gone = { ...report, node: "n2", generation: 1, revision: 1 };
    world.others = [{ report: gone, heardMs: Date.now() - 60_000 }];
    world.silent.add("n2");
    const some = await enactor()(() => apply(change("a", "1")));
    expect(some.nodes).toEqual(["n1"]);
    expect(some.warnings).toEqual([expect.stringMatching(/^node n2 has not reported for 60 s/)]);
    world.silent.add("n1");
    const none = await enactor()(() => apply(change("b", "1")));
    expect(none.nodes).toEqual([]);
    expect(none.warnings).toEqual([expect.stringMatching(/^no collector runs/)]);
  });

  it("says so when somebody else changes the same policy meanwhile", async () => {
    world.isCompiling = false;
    const enact = enactor();
    const mine = enact(() => apply(change("a", "1")));
    const outcome = mine.catch((error: unknown) => error);
    await waitUntil(new Set(), () => world.published.length === 1, 1000);
    world.wanted.set("shop/a", change("a", "theirs"));
    world.compile();
    expect(await outcome).toMatchObject({ status: 409 });
  });

  it("waits for a delete until it is out of force", async () => {
    const enact = enactor();
    await enact(() => apply(change("a", "1")));
    const gone = await enact(() => ({ changes: [], deletions: ["shop/a"] }));
    expect(gone).toMatchObject({ mode: "observe", deleted: ["shop/a"], generation: 3 });
    expect(world.documents.size).toBe(0);
  });
});
