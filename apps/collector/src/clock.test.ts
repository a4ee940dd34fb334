import { readClockOffsetNs } from "./clock.ts";

describe("wall time minus the kernel's clock", () => {
  it("is read at a tick of the wall clock, and so more exactly than it ticks", () => {
    let monotonic = 0n;
    const trueOffset = 1_700_000_000_000_123_456n;
    const clocks = {
      monotonicNs: () => (monotonic += 50_000n),
      wallMs: () => Number((monotonic + trueOffset) / 1_000_000n),
    };
    const error = trueOffset - readClockOffsetNs(clocks);
    expect(error >= 0n && error <= 50_000n).toBe(true);
  });

  it("is read all the same when the wall clock stands still", () => {
    let monotonic = 0n;
    const clocks = { monotonicNs: () => (monotonic += 100_000n), wallMs: () => 5 };
    expect(readClockOffsetNs(clocks)).toBe(5_000_000n - monotonic);
  });

  it("of this machine agrees with Date.now", () => {
    const wallMs = Number((readClockOffsetNs() + process.hrtime.bigint()) / 1_000_000n);
    expect(Math.abs(wallMs - Date.now())).toBeLessThan(1000);
  });
});
