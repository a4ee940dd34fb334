import { describe, expect, it } from "@jest/globals";
import type { PolicyChange } from "@weir/codec";
import type { Cluster } from "@weir/policy";
import { PolicyBook } from "./policy-book.ts";

function cluster(...names: string[]): Cluster {
  return {
    namespaces: { shop: {} },
    nodes: [],
    pods: names.map((name, at) => ({
      namespace: "shop",
      name,
      labels: { app: name.replace(/-\d$/, "") },
      addresses: [`10.0.0.${at + 1}`],
      ports: [],
      node: "n1",
      hostNetwork: false,
      workload: name,
      workloadKind: "Deployment",
    })),
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

/** A book that publishes whatever it comes up with. */
function publishing(previous?: PolicyBook["inForce"]): {
  book: PolicyBook;
  next: (documents: PolicyChange[], pods: Cluster) => ReturnType<PolicyBook["next"]>;
} {
  const book = new PolicyBook(previous);
  return {
    book,
    next(documents, pods) {
      const compilation = book.next(documents, pods, 1);
      if (compilation.changed) book.published(compilation.set);
      return compilation;
    },
  };
}

const three = cluster("cart-1", "web-1", "db-1");

describe("the policy book", () => {
  it("counts generations by texts and mode, revisions by anything", () => {
    const { next } = publishing();
    const seen = [
      next([], three),
      next([document("cart", "web")], three),
      next([document("cart", "web")], three),
      next([document("cart", "web")], cluster("cart-1", "cart-2", "web-1", "db-1")),
      next([document("cart", "db")], three),
      next([document("cart", "db", true)], three),
      next([], three),
    ].map(({ set, changed }) => [set.generation, set.revision, set.mode, changed]);
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

  it("makes no new generation of the same input after a restart, in any order", () => {
    const documents = [document("cart", "web"), document("db", "cart")];
    const before = publishing();
    const { set } = before.next(documents, three);
    const after = publishing(structuredClone(set));
    const again = after.next([...documents].reverse(), three);
    expect([again.changed, again.set.generation]).toEqual([false, 1]);
  });

  it("keeps the last good text of a document that no longer reads, and says where it is wrong", () => {
    const { next } = publishing();
    const good = next([document("cart", "web"), document("db", "cart")], three).set;
    const bad = {
      ...document("cart", "web"),
      text: "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: 7\n",
    };
    const kept = next([bad, document("db", "cart")], three);
    expect(kept.changed).toBe(false);
    expect(kept.set).toBe(good);
    expect(kept.errors).toEqual([
      {
        namespace: "shop",
        name: "cart",
        error: expect.stringMatching(/^shop\/cart:\d+:\d+: /) as unknown,
        previousInForce: true,
      },
    ]);
    // The pods go on changing under the text that is kept.
    const moved = next([bad, document("db", "cart")], cluster("cart-1", "cart-2", "web-1"));
    expect([moved.set.generation, moved.set.documents.length]).toEqual([1, 2]);
    expect(moved.set.endpoints.filter((one) => one.ingress_rule_set > 0).length).toBe(2);
  });

  it("leaves out a document that never read, without touching the others", () => {
    const { next } = publishing();
    const { set, errors } = next(
      [{ ...document("cart", "x"), text: ":" }, document("db", "web")],
      three,
    );
    expect(set.documents.map(({ name }) => name)).toEqual(["db"]);
    expect(errors[0]).toMatchObject({ name: "cart", previousInForce: false });
  });

  it("refuses a text under another's name", () => {
    const { next } = publishing();
    const { errors } = next([{ ...document("cart", "web"), name: "other" }], three);
    expect(errors[0]?.error).toContain("the text is of shop/cart");
  });
});
