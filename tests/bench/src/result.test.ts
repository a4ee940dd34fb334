import { percentile, result } from "./result.ts";

describe("result", () => {
  it("gives the ratio to the baseline of the same run", () => {
    expect(result("path", "rss-at-rest", 300.04, "MiB", 50)).toEqual({
      bench: "path",
      case: "rss-at-rest",
      value: 300,
      unit: "MiB",
      baseline: 50,
      ratio: 6,
    });
  });

  it("says null where nothing was compared", () => {
    expect(result("path", "x", 1, "ms", null)).toMatchObject({ baseline: null, ratio: null });
  });
});

describe("percentile", () => {
  it("takes the nearest rank", () => {
    const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(samples, 0.5)).toBe(50);
    expect(percentile(samples, 0.99)).toBe(99);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it("refuses to make a number of nothing", () => {
    expect(() => percentile([], 0.5)).toThrow("no samples");
  });
});
