import { Pace } from "./pace.ts";

const full = 1000;

/** When requests of these bytes go that are ready at once, in milliseconds. */
function times(pace: Pace, sizes: number[], from = 0): number[] {
  let nowMs = from;
  return sizes.map((bytes) => {
    nowMs += pace.delayMs(nowMs);
    pace.note(nowMs, bytes);
    return nowMs;
  });
}

describe("the pace of requests", () => {
  it("lets a burst go at once, and then one an interval", () => {
    const sent = times(
      new Pace(20, full),
      Array.from({ length: 24 }, () => 10),
    );
    expect(sent.slice(0, 20).every((ms) => ms === 0)).toBe(true);
    expect(sent.slice(20)).toEqual([50, 100, 150, 200]);
  });

  it("holds up nobody who sends less often", () => {
    const pace = new Pace(20, full);
    for (let ms = 0; ms < 10_000; ms += 60) expect(times(pace, [10], ms)).toEqual([ms]);
  });

  it("holds up nothing after a full request, which is what is left of it", () => {
    const pace = new Pace(20, full);
    expect(times(pace, [...Array.from({ length: 20 }, () => 10), 10, 1000, 300, 300, 300])).toEqual(
      [...Array.from({ length: 20 }, () => 0), ...[50, 100, 100, 100, 150]],
    );
  });
});
