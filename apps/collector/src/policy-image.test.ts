import type { PolicySet } from "@weir/codec";
import { parseAddress } from "@weir/codec";
import { identityKey, interfaceKey, nodeFlag, ruleSetsText, wordText } from "./policy-entries.ts";
import { PolicyImage } from "./policy-image.ts";

const head = (revision: number) => ({ generation: 1, revision, mode: "enforce" as const });
const none = { set: [], deleted: [] };
const nothing = { identities: none, endpoints: none, entries: none };
const block = { addr: parseAddress("10.0.0.0"), prefix_bits: 104, identity: 17 };
const hole = { addr: parseAddress("10.0.5.0"), prefix_bits: 120, identity: 18 };
const cart = { namespace: "shop", pod: "cart", uid: "", ingress_rule_set: 5, egress_rule_set: 0 };
const rule = { rule_set: 5, identity: 17, prefix_bits: 88, protocol: 6, port: 80, rule: 9 };
const own = parseAddress("10.0.5.9");
const ownKey = identityKey(own, 128);

function policy(revision: number, more: Partial<PolicySet> = {}): PolicySet {
  return {
    ...{ ...head(revision), created: 0, documents: [], rules: [] },
    ...{ identities: [block, hole], endpoints: [cart], entries: [rule] },
    ...more,
  };
}

describe("the image of what the kernel is to hold", () => {
  let touched: string[];
  let image: PolicyImage;

  const told = (): string[] => touched.splice(0);

  beforeEach(() => {
    touched = [];
    image = new PolicyImage((map) => touched.push(map));
    image.replace(policy(1));
    told();
  });

  it("is touched only where a set differs from the one before", () => {
    image.replace(policy(2));
    expect(told()).toEqual([]);
    image.replace(policy(3, { entries: [{ ...rule, rule: 10 }], identities: [block] }));
    expect(told().sort()).toEqual(["identities", "rules"]);
    expect(image.head).toEqual(head(3));
  });

  it("keeps what the node's address is, and says beside it that it is the node's", () => {
    const flagged = (identity: number): string => wordText(identity + nodeFlag);
    expect(image.setNodeAddresses([own, parseAddress("192.0.2.1")])).toBe(true);
    expect(image.get("identities", ownKey)).toBe(flagged(18));
    expect(image.get("identities", identityKey(parseAddress("192.0.2.1"), 128))).toBe(flagged(0));
    told();
    image.edit({ ...head(2), ...nothing, identities: { set: [], deleted: [hole] } });
    expect(image.get("identities", ownKey)).toBe(flagged(17));
    expect(told()).toEqual(["identities", "identities"]);
    const exact = { addr: own, prefix_bits: 128, identity: 40 };
    image.edit({ ...head(3), ...nothing, identities: { set: [exact], deleted: [] } });
    expect(image.get("identities", ownKey)).toBe(flagged(40));
    expect(image.setNodeAddresses([])).toBe(true);
    expect(image.get("identities", ownKey)).toBe(wordText(40));
    expect(image.setNodeAddresses([])).toBe(false);
  });

  it("gives an interface the rule sets of its workload, and knows those in force", () => {
    const endpoint = { ifindex: 7, namespace: "shop", pod: "cart" };
    const key = interfaceKey(7);
    image.setInterface(endpoint);
    expect(image.get("endpoint_policies", key)).toBe(ruleSetsText(5, 0));
    const changed = { ...cart, ingress_rule_set: 6 };
    image.edit({ ...head(2), ...nothing, endpoints: { set: [changed], deleted: [] } });
    expect(image.get("endpoint_policies", key)).toBe(ruleSetsText(6, 0));
    image.settled();
    expect(image.inForce(endpoint)).toBe(ruleSetsText(6, 0));
    image.edit({ ...head(3), ...nothing, endpoints: { set: [], deleted: [cart] } });
    expect(image.get("endpoint_policies", key)).toBeUndefined();
    expect(image.inForce(endpoint)).toBe(ruleSetsText(6, 0));
  });

  it("gives an interface nothing that was meant for another instance of the name", () => {
    const first = { ...cart, uid: "1" };
    const endpoint = { ifindex: 7, namespace: "shop", pod: "cart", uid: "2" };
    const key = interfaceKey(7);
    image.replace(policy(2, { endpoints: [first] }));
    image.settled();
    image.setInterface({ ...endpoint, uid: "1" });
    expect(image.get("endpoint_policies", key)).toBe(ruleSetsText(5, 0));
    told();
    image.setInterface(endpoint);
    expect(told()).toEqual(["endpoint_policies"]);
    expect(image.get("endpoint_policies", key)).toBeUndefined();
    expect(image.inForce(endpoint)).toBeUndefined();
    image.edit({
      ...head(3),
      ...nothing,
      endpoints: { set: [{ ...cart, uid: "2" }], deleted: [] },
    });
    expect(told()).toEqual(["endpoint_policies"]);
    expect(image.get("endpoint_policies", key)).toBe(ruleSetsText(5, 0));
    expect(image.inForce(endpoint)).toBeUndefined();
    image.settled();
    expect(image.inForce(endpoint)).toBe(ruleSetsText(5, 0));
  });

  it("is as it was after a change that no map can hold", () => {
    const wrong = { ...rule, port: 70_000 };
    const change = { ...nothing, identities: { set: [], deleted: [hole] } };
    const entries = { set: [wrong], deleted: [] };
    expect(() => image.edit({ ...head(2), ...change, entries })).toThrow();
    expect(() => image.replace(policy(2, { identities: [], entries: [wrong] }))).toThrow();
    const negative = { ...block, identity: -1 };
    expect(() => image.replace(policy(2, { identities: [negative] }))).toThrow(/identity of -1/);
    expect(told()).toEqual([]);
    expect([image.head?.revision, image.size("identities"), image.size("rules")]).toEqual([
      ...[1, 2, 1],
    ]);
  });
});
