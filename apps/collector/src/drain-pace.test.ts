import { DrainPace } from "./drain-pace.ts";

describe("the pace of drains", () => {
  const pace = new DrainPace({ minMs: 10, maxMs: 40, ringRecords: 16_000 });

  it.each([
    ["slow where nothing comes", 0, 10, 40],
    ["slow where little comes", 100, 10, 40],
    ["such that an eighth of the ring fills", 1000, 10, 20],
    ["fast where much comes", 4000, 10, 10],
    ["fast where more comes than a drain in time can hold", 16_000, 40, 10],
    ["of the rate, not of the number", 2000, 40, 40],
  ])("is %s", (_, found, elapsedMs, ms) => {
    expect(pace.next(found, elapsedMs)).toBe(ms);
  });

  it("does not divide by no time", () => {
    expect(pace.next(1, 0)).toBe(40);
  });

  it("keeps to the shortest where the longest is shorter", () => {
    const fixed = new DrainPace({ minMs: 100, maxMs: 40, ringRecords: 16_000 });
    expect([fixed.next(0, 10), fixed.next(1, 10), fixed.next(9999, 10)]).toEqual([100, 100, 100]);
  });
});
