import { createFlowDecoder, createFlowEncoder, flowLayout, flowRecordBytes } from "@weir/codec";
import { Timeline } from "./timeline.ts";

const second = 1_000_000_000n;
const hour = 3600n * second;
const offset = 1_700_000_000n * second;

/** What the row of a flow says, made at `now` of a flow that began at `first`. */
function rowOf(timeline: Timeline, first: bigint, now: bigint): { first: number; time: number } {
  const record = new Uint8Array(flowRecordBytes);
  const view = new DataView(record.buffer);
  view.setBigUint64(flowLayout.time.offset, now, true);
  view.setBigUint64(flowLayout.first.offset, first, true);
  view.setBigUint64(flowLayout.last.offset, now - second, true);
  const clockOffsetNs = timeline.baseNs;
  timeline.straighten(record, 1, clockOffsetNs);
  const encoder = createFlowEncoder();
  const lists = { rules: [], processes: [], names: [] };
  const header = { node: "n", bootId: "b", block: 1, clockOffsetNs, ...lists };
  const out = new Uint8Array(encoder.maxBytes(header, 1));
  const length = encoder.encode(header, record, 1, out);
  const columns = createFlowDecoder().decode(out.subarray(0, length));
  return { first: columns.first[0] ?? 0, time: columns.time[0] ?? 0 };
}

describe.each([
  ["forward", hour],
  ["back", -hour],
])("a wall clock that is set %s by an hour", (_way, step) => {
  const begun = 1000n * second;
  const timeline = new Timeline(begun, offset);
  const rows: { first: number; time: number }[] = [];
  const flowBegan = begun + 5n * second;
  // Compared every ten seconds for three hours; the clock is set after a minute.
  for (let now = begun + 10n * second; now < begun + 3n * hour; now += 10n * second) {
    const wall = now < begun + 60n * second ? offset : offset + step;
    timeline.compare(now, wall);
    rows.push(rowOf(timeline, flowBegan, now + 4n * second));
  }

  it("splits no flow: its first instant is the same in every row", () => {
    expect(new Set(rows.map((row) => row.first))).toEqual(
      new Set([Number((flowBegan + offset) / 1000n)]),
    );
  });

  it("reorders nothing", () => {
    const times = rows.map((row) => row.time);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(new Set(times).size).toBe(times.length);
  });

  it("is met in the end", () => {
    const now = begun + 3n * hour;
    expect(timeline.offsetNs(now)).toBe(offset + step);
  });
});

describe("a timeline", () => {
  it("lets a clock wander", () => {
    const timeline = new Timeline(0n, offset);
    for (let n = 1n; n < 100n; n++)
      expect(timeline.compare(n * second, offset + (n % 2n) * 5_000_000n)).toBe(0n);
    expect(timeline.offsetNs(200n * second)).toBe(offset);
  });

  it("follows a clock that is set while it is still waited for", () => {
    const timeline = new Timeline(0n, offset);
    expect(timeline.compare(10n * second, offset - 100n * second)).toBe(-100n * second);
    timeline.compare(20n * second, offset);
    expect(timeline.offsetNs(30n * second)).toBe(offset);
    timeline.compare(40n * second, offset - 10n * hour);
    expect(timeline.offsetNs(40n * second)).toBe(offset - 10n * hour);
  });
});
