import { describe, expect, it } from "@jest/globals";
import { bucketAt } from "./bucket.ts";

const day = 86_400_000_000;
const now = Date.parse("2026-06-01T00:00:00Z") * 1000;
const at = (days: number): number => now - days * day - 17_000_000;

describe("the bucket that holds a time", () => {
  it.each([
    [1, "minute", 60],
    [40, "hour", 3600],
    [500, "day", 86_400],
  ])("%i days ago is one %s", (days, size, seconds) => {
    const bucket = bucketAt(at(days), now, { minute_days: 30, hour_days: 400 });
    expect(bucket.size).toBe(size);
    expect(bucket.until - bucket.since).toBe(seconds * 1_000_000);
    expect(bucket.since % (seconds * 1_000_000)).toBe(0);
    expect(bucket.since <= at(days) && at(days) < bucket.until).toBe(true);
  });

  it("is the minute where minutes are never dropped", () => {
    expect(bucketAt(at(500), now, { minute_days: 0, hour_days: 400 }).size).toBe("minute");
  });
});
