import { describe, expect, it } from "@jest/globals";
import type { PolicyChange, PolicyDelta, PolicySet } from "@weir/codec";
import { PolicyCompiler, compile, compiledOf, readManifests } from "@weir/policy";
import type { ClusterPod } from "@weir/policy";
import { PolicyBook } from "./policy-book.ts";
import { PublishedPolicy } from "./published-policy.ts";

function pod(name: string, at: number): ClusterPod {
  return {
    ...{ namespace: "shop", name, labels: { app: name.replace(/-\d$/, "") }, ports: [] },
    ...{ addresses: [`10.0.0.${at}`], node: "n1", hostNetwork: false },
    ...{ workload: name, workloadKind: "Deployment" },
  };
}

function document(name: string, from: string, shadow = false): PolicyChange {
  const text = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  podSelector: {matchLabels: {app: ${name}}}
  ingress: [{from: [{podSelector: {matchLabels: {app: ${from}}}}]}]
`;
  return { namespace: "shop", name, text, shadow, changed: 1, author: "test" };
}

/** A book whose drafts are published, over nodes that hold the revision `held`; none without. */
class Desk {
  held: number | undefined;
  nowMs = 1000;
  book: PolicyBook;

  constructor(published?: PublishedPolicy) {
    this.book = this.#open(published);
  }

  #open(published?: PublishedPolicy): PolicyBook {
    const confirmed = (revision: number): boolean => (this.held ?? Infinity) >= revision;
    return new PolicyBook({ published, endpointHoldMs: 2000, nodes: { confirmed } });
  }

  set(...documents: PolicyChange[]): this {
    for (const one of documents) this.book.document(`shop/${one.name}`, one);
    return this;
  }

  delete(name: string): this {
    this.book.document(`shop/${name}`, null);
    return this;
  }

  pods(set: ClusterPod[], deleted: string[] = [], replaced: string[] = []): this {
    this.book.pods({
      set: new Map(set.map((one) => [`shop/${one.name}`, one])),
      deleted: new Set(deleted.map((name) => `shop/${name}`)),
      replaced: new Set(replaced.map((name) => `shop/${name}`)),
      namespaces: new Map([["shop", {}]]),
    });
    return this;
  }

  publish(): PolicyDelta | undefined {
    const delta = this.book.draft(this.nowMs * 1000);
    if (delta) this.book.wasPublished(delta);
    return delta;
  }

  numbers(): unknown[] {
    const delta = this.publish();
    const { generation, revision, mode } = this.book.published;
    return [generation, revision, mode, delta !== undefined];
  }
}

const three = [pod("cart-1", 1), pod("web-1", 2), pod("db-1", 3)];
const pods = (set: Pick<PolicyDelta["endpoints"], "set">): string[] =>
  set.set.map((one) => one.pod).sort();

describe("the policy book", () => {
  it("counts generations by texts and mode, revisions by anything", () => {
    const desk = new Desk().pods(three);
    const seen = [
      desk.numbers(),
      desk.set(document("cart", "web")).numbers(),
      desk.set(document("cart", "web")).numbers(),
      desk.pods([pod("cart-2", 4)]).numbers(),
      desk.set(document("cart", "db")).numbers(),
      desk.set(document("cart", "db", true)).numbers(),
      desk.delete("cart").numbers(),
    ];
    expect(seen).toEqual([
      [0, 1, "observe", true],
      [1, 2, "enforce", true],
      [1, 2, "enforce", false],
      [1, 3, "enforce", true],
      [2, 4, "enforce", true],
      [3, 5, "shadow", true],
      [4, 6, "observe", true],
    ]);
  });

  it("publishes only what a change touches", () => {
    const desk = new Desk().pods(three).set(document("cart", "web"), document("db", "cart"));
    desk.publish();
    const delta = desk.set(document("db", "web")).publish() as PolicyDelta;
    expect(delta.documents).toMatchObject({ set: [{ name: "db" }], deleted: [] });
    expect(pods(delta.endpoints)).not.toContain("cart-1");
    expect(delta.base_revision).toBe(delta.revision - 1);
  });

  it("makes no new generation of the same input after a restart, in any order", () => {
    const documents = [document("cart", "web"), document("db", "cart")];
    const before = new Desk().pods(three).set(...documents);
    before.publish();
    const kept = PublishedPolicy.of(structuredClone(before.book.published.snapshot()));
    const after = new Desk(kept).pods([...three].reverse()).set(...documents.reverse());
    expect(after.numbers()).toEqual([1, 1, "enforce", false]);
  });

  it("publishes after a restart only the difference to what the topic holds", () => {
    const before = new Desk().pods(three).set(document("cart", "web"), document("db", "cart"));
    before.publish();
    const kept = PublishedPolicy.of(before.book.published.snapshot());
    const after = new Desk(kept).pods(three).set(document("cart", "web"));
    const delta = after.publish() as PolicyDelta;
    expect(delta).toMatchObject({ base_revision: 1, revision: 2, generation: 2 });
    expect(delta.documents).toEqual({ set: [], deleted: [{ namespace: "shop", name: "db" }] });
    expect(pods(delta.endpoints)).toEqual(["db-1"]);
  });

  it("keeps the last good text of a document that no longer reads, and says where it is wrong", () => {
    const desk = new Desk().pods(three).set(document("cart", "web"), document("db", "cart"));
    desk.publish();
    const text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: 7\n";
    expect(desk.set({ ...document("cart", "web"), text }).publish()).toBeUndefined();
    expect(desk.book.errors).toEqual([
      {
        namespace: "shop",
        name: "cart",
        error: expect.stringMatching(/^shop\/cart:\d+:\d+: /) as unknown,
        previousInForce: true,
      },
    ]);
    // The pods go on changing under the text that is kept.
    desk.pods([pod("cart-2", 7)]).publish();
    const { endpoints, documents, generation } = desk.book.published.snapshot();
    expect([generation, documents.length]).toEqual([1, 2]);
    expect(endpoints.filter((one) => one.ingress_rule_set > 0).length).toBe(3);
    desk.set(document("cart", "web")).publish();
    expect(desk.book.errors).toEqual([]);
  });

  it("takes the last good text from the topic after a restart", () => {
    const before = new Desk().pods(three).set(document("cart", "web"));
    before.publish();
    const kept = PublishedPolicy.of(before.book.published.snapshot());
    const after = new Desk(kept).pods(three).set({ ...document("cart", "web"), text: ":" });
    expect(after.publish()).toBeUndefined();
    expect(after.book.errors[0]).toMatchObject({ previousInForce: true });
  });

  it("leaves out a document that never read, or stands under another's name", () => {
    const desk = new Desk().pods(three);
    desk.set({ ...document("cart", "x"), text: ":" }, document("db", "web"));
    desk.set({ ...document("web", "db"), name: "other" }).publish();
    expect([...desk.book.published.documents.keys()]).toEqual(["shop/db"]);
    expect(desk.book.errors.map(({ name }) => name)).toEqual(["cart", "other"]);
    expect(desk.book.errors[1]?.error).toContain("the text is of shop/web");
  });

  it("leaves as it was what cannot be compiled", () => {
    const desk = new Desk().pods(three).set(document("cart", "web"));
    desk.publish();
    const real = Object.getOwnPropertyDescriptor(PolicyCompiler.prototype, "apply");
    const apply = real?.value as PolicyCompiler["apply"];
    const isBad = (text: string): boolean => text.includes("app: db");
    PolicyCompiler.prototype.apply = function (this: PolicyCompiler, change) {
      if (change.policies?.set?.some((one) => isBad(one.text))) throw new Error("no room");
      return apply.call(this, change);
    };
    try {
      expect(desk.set(document("cart", "db")).publish()).toBeUndefined();
    } finally {
      PolicyCompiler.prototype.apply = apply;
    }
    expect(desk.book.errors[0]).toMatchObject({
      error: "shop/cart: no room",
      previousInForce: true,
    });
    expect(desk.set(document("db", "web")).numbers()).toEqual([2, 2, "enforce", true]);
    expect(desk.book.published.documents.get("shop/cart")?.text).toContain("app: web");
  });

  it("forgets no pod that came or went with what cannot be compiled, even twice", () => {
    const desk = new Desk().pods(three).set(document("cart", "web"));
    desk.publish();
    const { prototype } = PolicyCompiler;
    const real = Object.getOwnPropertyDescriptor(prototype, "apply");
    const apply = real?.value as PolicyCompiler["apply"];
    let failures = 0;
    prototype.apply = function (this: PolicyCompiler, change) {
      if (failures++ < 2) throw new Error("no room");
      return apply.call(this, change);
    };
    try {
      desk.pods([pod("web-1", 9), pod("mail-1", 4)], ["db-1"]).set(document("cart", "db"));
      expect(() => desk.publish()).toThrow("no room");
      expect(desk.book.isStale).toBe(true);
      desk.publish();
    } finally {
      prototype.apply = apply;
    }
    const now = [pod("cart-1", 1), pod("web-1", 9), pod("mail-1", 4)];
    const { policies } = readManifests(document("cart", "web").text, "t");
    const all = compile({ namespaces: { shop: {} }, pods: now, nodes: [] }, policies);
    expect(compiledOf(desk.book.published.tables)).toEqual(all);
    expect(failures).toBeGreaterThan(2);
  });

  it("gives each draft a later time, whatever the clock says", () => {
    const desk = new Desk().pods(three).set(document("cart", "web"));
    const times = [desk.publish()?.created];
    times.push(desk.set(document("db", "web")).publish()?.created);
    const lost = desk.delete("db").book.draft(500) as PolicyDelta;
    desk.book.wasNotPublished(lost);
    desk.nowMs = 900;
    times.push(lost.created, desk.publish()?.created);
    expect(times).toEqual([1_000_000, 1_000_001, 1_000_002, 1_000_003]);
  });

  it("sends all that differs after a draft that may or may not have arrived", () => {
    const desk = new Desk().pods(three).set(document("cart", "web"));
    desk.publish();
    const lost = desk.set(document("db", "web")).book.draft(1) as PolicyDelta;
    desk.book.wasNotPublished(lost);
    const again = desk.book.draft(2) as PolicyDelta;
    expect(again).toMatchObject({ generation: lost.generation, revision: lost.revision + 1 });
    expect(again.documents).toEqual(lost.documents);
    desk.book.wasNotPublished(again);
    // Another text never gets the number of one that somebody may have seen.
    const other = desk.set(document("web", "db")).publish() as PolicyDelta;
    expect(other.generation).toBe(lost.generation + 1);
    expect(other.documents.set.map(({ name }) => name)).toEqual(["db", "web"]);
  });

  it("goes on above the numbers that a node holds, where the topic was lost", () => {
    const desk = new Desk().pods(three);
    desk.book.goOnFrom(70, 9);
    expect(desk.set(document("cart", "web")).numbers()).toEqual([10, 71, "enforce", true]);
  });
});

describe("a new pod", () => {
  function enforcing(): Desk {
    const desk = new Desk().pods(three).set(document("cart", "web"));
    desk.publish();
    desk.held = 1;
    return desk;
  }

  it("is opened once every node holds the revision with its addresses", () => {
    const desk = enforcing();
    const first = desk.pods([pod("web-2", 4)]).publish() as PolicyDelta;
    expect(first.identities.set.length).toBe(1);
    expect(first.endpoints.set).toEqual([]);
    expect(desk.publish()).toBeUndefined();
    desk.held = first.revision;
    const second = desk.publish() as PolicyDelta;
    expect(pods(second.endpoints)).toEqual(["web-2"]);
    expect([second.identities.set, desk.book.gate.unconfirmed]).toEqual([[], 0]);
    expect(desk.publish()).toBeUndefined();
  });

  it("is opened in the end also where a node does not answer, which is counted", () => {
    const desk = enforcing();
    desk.pods([pod("web-2", 4)]).publish();
    desk.nowMs += 2000;
    expect(pods((desk.publish() as PolicyDelta).endpoints)).toEqual(["web-2"]);
    expect(desk.book.gate.unconfirmed).toBe(1);
  });

  it("waits for the address of a pod that is gone, also where it makes no identity itself", () => {
    const desk = enforcing();
    const gone = desk.pods([], ["web-1"]).publish() as PolicyDelta;
    expect(gone.identities.deleted.length).toBe(1);
    const nobody = { ...pod("nobody-1", 2), labels: { app: "nobody" } };
    expect(desk.pods([nobody]).publish()).toBeUndefined();
    desk.held = gone.revision;
    expect(pods((desk.publish() as PolicyDelta).endpoints)).toEqual(["nobody-1"]);
  });

  it("is closed again where another instance takes its name", () => {
    const desk = enforcing();
    const closed = desk.pods([pod("cart-1", 9)], [], ["cart-1"]).publish() as PolicyDelta;
    expect(closed.endpoints).toEqual({ set: [], deleted: [{ namespace: "shop", pod: "cart-1" }] });
    desk.held = closed.revision;
    expect(pods((desk.publish() as PolicyDelta).endpoints)).toEqual(["cart-1"]);
  });

  it("is closed again where its instance changed while no controller ran", () => {
    const as = (uid: string): ClusterPod => ({ ...pod("cart-1", 1), uid });
    const before = new Desk().pods([as("1"), ...three.slice(1)]).set(document("cart", "web"));
    before.publish();
    const desk = new Desk(PublishedPolicy.of(before.book.published.snapshot()));
    desk.held = 1;
    desk.pods([as("2"), ...three.slice(1)]).set(document("cart", "web"));
    const closed = desk.publish() as PolicyDelta;
    expect(closed.endpoints).toEqual({ set: [], deleted: [{ namespace: "shop", pod: "cart-1" }] });
    desk.held = closed.revision;
    expect((desk.publish() as PolicyDelta).endpoints.set).toMatchObject([
      { pod: "cart-1", uid: "2" },
    ]);
  });

  it("is closed again also where the draft that closes it has to be sent twice", () => {
    const desk = enforcing();
    desk.pods([pod("cart-1", 9)], [], ["cart-1"]);
    desk.book.wasNotPublished(desk.book.draft(1) as PolicyDelta);
    const closed = desk.publish() as PolicyDelta;
    expect(closed.endpoints.deleted).toEqual([{ namespace: "shop", pod: "cart-1" }]);
    desk.held = closed.revision;
    expect(pods((desk.publish() as PolicyDelta).endpoints)).toEqual(["cart-1"]);
  });

  it("that vanishes while it waits is never opened", () => {
    const desk = enforcing();
    desk.pods([pod("web-2", 4)]).publish();
    desk.pods([], ["web-2"]).publish();
    desk.held = 99;
    expect(desk.publish()).toBeUndefined();
    expect(desk.book.published.tables.endpoints.has("shop/web-2")).toBe(false);
  });

  it("ends up in the tables that one compilation of all of it gives", () => {
    const desk = enforcing();
    for (const at of [4, 5, 6]) desk.pods([pod(`cart-${at}`, at)]).publish();
    desk.pods([], ["cart-5"]).set(document("db", "cart")).publish();
    desk.held = 99;
    desk.publish();
    const all = new Desk().pods([...three, pod("cart-4", 4), pod("cart-6", 6)]);
    all.set(document("cart", "web"), document("db", "cart")).publish();
    const tables = (one: Desk): Partial<PolicySet> => compiledOf(one.book.published.tables);
    expect(tables(desk)).toEqual(tables(all));
  });
});
