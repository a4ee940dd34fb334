import { portPrefixes } from "./port-prefix.ts";

function covered(first: number, last: number): number[] {
  return portPrefixes(first, last).flatMap(({ port, bits }) =>
    Array.from({ length: 2 ** (16 - bits) }, (_, index) => port + index),
  );
}

describe("port prefixes", () => {
  it.each([
    [80, 80],
    [1, 65_535],
    [0, 65_535],
    [1000, 1999],
    [32_767, 32_769],
    [65_535, 65_535],
  ])("cover %d to %d and no other port, none twice", (first, last) => {
    const expected = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    expect(covered(first, last)).toEqual(expected);
  });

  it("are few", () => {
    expect(portPrefixes(0, 65_535)).toEqual([{ port: 0, bits: 0 }]);
    expect(portPrefixes(1, 65_534).length).toBe(30);
  });
});
