import { isIPv4, isIPv6 } from "node:net";
import { allocateBlock, allocatePodAddresses, BLOCKS_MAX, nodeAddresses } from "./addresses.ts";

describe("addresses of a lab", () => {
  it("are never given twice, nor those that a manifest asks for", () => {
    const taken = new Set(["10.67.2.3", "fd77:0:3:2::5"]);
    const pairs = Array.from({ length: 20 }, () => {
      const pair = allocatePodAddresses(3, 2, taken);
      for (const address of pair) taken.add(address);
      return pair;
    });
    expect(new Set(pairs.flat()).size).toBe(40);
    expect(pairs.flat()).not.toContain("10.67.2.3");
    expect(pairs.flat()).not.toContain("fd77:0:3:2::5");
    expect(pairs.every(([v4, v6]) => isIPv4(v4 ?? "") && isIPv6(v6 ?? ""))).toBe(true);
  });

  it("end with a word on what to do", () => {
    const taken = new Set<string>();
    const more = () => {
      for (;;) for (const address of allocatePodAddresses(0, 1, taken)) taken.add(address);
    };
    expect(more).toThrow(/no pod address left: use more nodes/);
    expect(taken.size).toBe(500);
  });

  it("come from a block of its own for each lab", () => {
    expect(allocateBlock([])).toBe(0);
    expect(allocateBlock([0, 2, 1])).toBe(3);
    expect(() => allocateBlock(Array.from({ length: BLOCKS_MAX }, (_, index) => index))).toThrow(
      /take one down/,
    );
    expect(nodeAddresses(0, 1)).not.toEqual(nodeAddresses(1, 1));
    for (const address of nodeAddresses(127, 32))
      expect(isIPv4(address) || isIPv6(address)).toBe(true);
  });
});
