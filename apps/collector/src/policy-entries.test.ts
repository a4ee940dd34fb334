import { parseAddress } from "@weir/codec";
import { identityKey, interfaceKey, packed, ruleKey, ruleSetsText } from "./policy-entries.ts";

const bytesOf = (text: string): number[] => [...Buffer.from(text, "latin1")];
const rule = { rule_set: 5, identity: 17, prefix_bits: 88, protocol: 6, port: 8080 };

describe("keys", () => {
  it("of identities are the prefix and the address up to it", () => {
    const key = bytesOf(identityKey(parseAddress("10.0.5.129"), 121));
    expect(key.slice(0, 4)).toEqual([121, 0, 0, 0]);
    expect(key.slice(4)).toEqual([...parseAddress("10.0.5.128")]);
    const all = bytesOf(identityKey(parseAddress("10.0.5.129"), 0));
    expect(all).toEqual(Array.from({ length: 20 }, () => 0));
  });

  it("of rules hold the port in network order, so that a prefix of it is a range", () => {
    expect(bytesOf(ruleKey(rule))).toEqual([
      ...[88, 0, 0, 0, 5, 0, 0, 0, 17, 0, 0, 0],
      ...[6, 0x1f, 0x90, 0],
    ]);
    const range = bytesOf(ruleKey({ ...rule, prefix_bits: 84 }));
    expect(range.slice(12)).toEqual([6, 0x1f, 0x90 & 0xf0, 0]);
    expect(bytesOf(ruleKey({ ...rule, prefix_bits: 64 })).slice(12)).toEqual([0, 0, 0, 0]);
  });

  it("that no map can hold are refused", () => {
    const addr = parseAddress("10.0.0.1");
    for (const bits of [-1, 129, 1.5]) expect(() => identityKey(addr, bits)).toThrow(RangeError);
    expect(() => identityKey(addr.subarray(4), 32)).toThrow(RangeError);
    const wrong = [{ prefix_bits: 63 }, { prefix_bits: 89 }, { port: 65_536 }, { protocol: 256 }];
    for (const one of [...wrong, { rule_set: -1 }, { identity: 2 ** 32 }]) {
      // Buffer's RangeError is not that of the test's own context.
      expect(() => ruleKey({ ...rule, ...one })).toThrow(/out of range|prefix of/);
    }
  });
});

it("values of interfaces hold the ingress rule set before the egress one", () => {
  expect(bytesOf(ruleSetsText(1, 2))).toEqual([1, 0, 0, 0, 2, 0, 0, 0]);
});

it("what is packed lies back to back", () => {
  expect([...packed([interfaceKey(7), interfaceKey(300)], 4)]).toEqual([7, 0, 0, 0, 44, 1, 0, 0]);
});
