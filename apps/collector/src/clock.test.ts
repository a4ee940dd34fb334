import { flowLayout, flowRecordBytes } from "@weir/codec";
import { createBlockClock, readClockOffsetNs } from "./clock.ts";

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

describe("the wall time of blocks", () => {
  it("is compared at its interval, and an instant keeps its time when the clock is set", () => {
    let monotonic = 1_000_000_000n;
    let offset = 1_700_000_000_000_000_000n;
    const clocks = {
      monotonicNs: () => (monotonic += 1000n),
      wallMs: () => Number((monotonic + offset) / 1_000_000n),
    };
    const said: number[] = [];
    const log = { warn: (fields: { setMs?: number }) => void said.push(fields.setMs ?? 0) };
    const clock = createBlockClock(10_000, log, clocks);
    const first = 500_000_000n;
    const firstOf = (): bigint => {
      const record = new Uint8Array(flowRecordBytes);
      const view = new DataView(record.buffer);
      view.setBigUint64(flowLayout.first.offset, first, true);
      const given = clock.offsetFor(record, 1);
      return view.getBigUint64(flowLayout.first.offset, true) + given;
    };
    const before = firstOf();
    offset += 3_600_000_000_000n;
    monotonic += 5_000_000_000n;
    expect(firstOf()).toBe(before);
    expect(said).toEqual([]);
    monotonic += 6_000_000_000n;
    expect(firstOf()).toBe(before);
    expect(said).toEqual([expect.closeTo(3_600_000, -1)]);
  });
});
