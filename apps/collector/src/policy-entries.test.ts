import { parseAddress } from "@weir/codec";
import { endpointEntries, identityEntries, nodeFlag, ruleEntries } from "./policy-entries.ts";

const u32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);

describe("identities", () => {
  const subnet = { addr: parseAddress("10.0.0.0"), prefix_bits: 104, identity: 17 };
  const hole = { addr: parseAddress("10.0.5.0"), prefix_bits: 120, identity: 18 };

  it("are prefix, address and value, back to back", () => {
    const entries = identityEntries([subnet, hole], []);
    expect(entries.count).toBe(2);
    expect(u32(entries.keys, 20)).toBe(120);
    expect(entries.keys.subarray(24, 40)).toEqual(hole.addr);
    expect(u32(entries.values, 4)).toBe(18);
  });

  it("keep what the node's address is, and say beside it that it is the node's", () => {
    const entries = identityEntries(
      [subnet, hole],
      [parseAddress("10.0.5.9"), parseAddress("192.0.2.1")],
    );
    expect(entries.count).toBe(4);
    expect([u32(entries.keys, 40), u32(entries.values, 8)]).toEqual([128, 18 + nodeFlag]);
    expect(u32(entries.values, 12)).toBe(nodeFlag);
  });

  it("have one entry where the node's address is an identity of its own", () => {
    const addr = parseAddress("192.0.2.1");
    const entries = identityEntries([{ addr, prefix_bits: 128, identity: 40 }], [addr]);
    expect(entries.count).toBe(1);
    expect(u32(entries.values, 0)).toBe(40 + nodeFlag);
  });
});

describe("rules", () => {
  it("hold the port in network order, so that a prefix of it is a range", () => {
    const rule = { rule_set: 5, identity: 17, prefix_bits: 88, protocol: 6, port: 8080, rule: 9 };
    const { keys, values } = ruleEntries([rule]);
    expect([...keys]).toEqual([88, 0, 0, 0, 5, 0, 0, 0, 17, 0, 0, 0, 6, 0x1f, 0x90, 0]);
    expect([...values]).toEqual([9, 0, 0, 0]);
  });
});

describe("endpoints", () => {
  it("hold the ingress rule set before the egress one", () => {
    const { keys, values } = endpointEntries([{ ifindex: 7, ingressRuleSet: 1, egressRuleSet: 2 }]);
    expect([...keys]).toEqual([7, 0, 0, 0]);
    expect([...values]).toEqual([1, 0, 0, 0, 2, 0, 0, 0]);
  });
});
