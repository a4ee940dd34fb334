import { describe, expect, it } from "@jest/globals";
import { QuestionError } from "./question-error.ts";
import { parseDuration, parseTime } from "./time.ts";

describe("durations", () => {
  it.each([
    ["30s", 30_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["2w", 1_209_600_000],
    ["250ms", 250],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["0s", 0],
  ])("%s", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(["", "5", "m", "-5m", "5 m", "5M", "5min", "1h 30m", "m5", "1e3s", "5m;"])(
    "refuse %p, saying how to write one",
    (text) => {
      expect(() => parseDuration(text)).toThrow(QuestionError);
      expect(() => parseDuration(text)).toThrow("15m");
    },
  );
});

describe("times", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");

  it.each([
    ["now", "2026-03-01T12:00:00.000Z", 0],
    ["5m", "2026-03-01T11:55:00.000Z", 0],
    ["2026-02-28T23:59:59Z", "2026-02-28T23:59:59.000Z", 0],
    ["2026-02-28T23:59:59.123456Z", "2026-02-28T23:59:59.123Z", 456],
    ["2026-02-28T23:59:59.123456789Z", "2026-02-28T23:59:59.123Z", 456],
    ["2026-02-28t23:59:59.5z", "2026-02-28T23:59:59.500Z", 0],
    ["2026-03-01T01:00:00+02:00", "2026-02-28T23:00:00.000Z", 0],
    ["2026-03-01 01:00:00-01:30", "2026-03-01T02:30:00.000Z", 0],
  ])("%s", (text, expected, micros) => {
    expect(parseTime(text, now)).toBe(Date.parse(expected) * 1000 + micros);
  });

  it.each([
    "2026-03-01",
    "2026-03-01T12:00Z",
    "2026-03-01T12:00:00",
    "2026-13-01T12:00:00Z",
    "2026-03-01T25:00:00Z",
    "yesterday",
    "",
  ])("refuse %p", (text) => {
    expect(() => parseTime(text, now)).toThrow(QuestionError);
  });
});
