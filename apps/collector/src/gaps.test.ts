import { Gaps } from "./gaps.ts";

describe("the longest gap", () => {
  it("is remembered for a window and a bit, then forgotten", () => {
    const gaps = new Gaps();
    expect(gaps.note(10_000)).toBe(0);
    expect(gaps.note(10_010)).toBe(10);
    expect(gaps.note(10_150.5)).toBe(141);
    for (let now = 10_160; now < 12_000; now += 10) gaps.note(now);
    expect(gaps.note(12_000)).toBe(141);
    for (let now = 12_010; now < 14_000; now += 10) expect(gaps.note(now)).toBe(141);
    expect(gaps.note(14_000)).toBe(10);
  });

  it("that was longer than a window is told", () => {
    const gaps = new Gaps();
    gaps.note(1000);
    expect(gaps.note(9000)).toBe(8000);
  });
});
