import { mergedRanges, portPrefixes } from "./port-prefix.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";

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

describe("mergedRanges", () => {
  it("keeps the ports and no others, in order and apart from each other", () => {
    holdsForAll("ranges merge without loss or gain", exampleCount(200), (choices) => {
      const ranges = choices.list(0, 6, () => {
        const first = 1 + choices.below(30);
        return { first, last: first + choices.below(8) };
      });
      const merged = mergedRanges(ranges);
      const within = (port: number, list: typeof ranges): boolean =>
        list.some(({ first, last }) => first <= port && port <= last);
      for (let port = 0; port < 45; port += 1) {
        if (within(port, ranges) !== within(port, merged)) return JSON.stringify({ port, ranges });
      }
      const apart = merged.every(
        ({ first }, at) => at === 0 || first > (merged[at - 1]?.last ?? 0) + 1,
      );
      return apart ? undefined : JSON.stringify({ ranges, merged });
    });
  });
});
