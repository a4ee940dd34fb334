import { checkLabName, isNetnsOf, netnsName } from "./lab-name.ts";

describe("checkLabName", () => {
  it.each(["shop", "a", "t1-shop", "x".repeat(40)])("takes %s", (name) => {
    expect(() => checkLabName(name)).not.toThrow();
  });
  it.each(["", "Shop", "a.b", "-a", "a-", "../x", "a b", "x".repeat(41)])("refuses %j", (name) => {
    expect(() => checkLabName(name)).toThrow(/lab name/);
  });
});

describe("isNetnsOf", () => {
  const all = (lab: string) => [
    netnsName.node(lab, 1),
    netnsName.fabric(lab),
    netnsName.internet(lab),
    netnsName.pod(lab, "shop", "cart-1"),
  ];
  it("knows a lab's own namespaces", () => {
    expect(all("shop").every((name) => isNetnsOf("shop", name))).toBe(true);
  });
  it("never takes those of a lab whose name begins the same", () => {
    for (const other of ["shop-2", "shop-node-1", "shop-fabric", "shop1", "shopnode-1"]) {
      expect(all(other).filter((name) => isNetnsOf("shop", name))).toEqual([]);
      expect(all("shop").filter((name) => isNetnsOf(other, name))).toEqual([]);
    }
    expect(isNetnsOf("shop", "weir-shop-x")).toBe(false);
    expect(isNetnsOf("shop", "cni-shop")).toBe(false);
  });
});
