import { QuestionError } from "./question-error.ts";

const unitsMs: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const durations = /^(\d+(\.\d+)?(ms|[smhdw]))+$/;

/** `30s`, `15m`, `24h`, `7d`, `1h30m` as milliseconds. Throws QuestionError. */
export function parseDuration(text: string): number {
  if (!durations.test(text))
    throw new QuestionError(
      `${JSON.stringify(text)} is no duration: write 30s, 15m, 24h, 7d or 1h30m`,
    );
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g))
    total += Number(amount) * (unitsMs[unit ?? ""] ?? 0);
  return total;
}

/**
 * A point in time as microseconds since 1970: RFC 3339 (`2026-03-01T12:00:00Z`, an offset instead
 * of Z, a fraction of a second down to microseconds), `now`, or a duration before `nowMs`. Throws
 * QuestionError.
 */
export function parseTime(text: string, nowMs: number): number {
  if (text === "now") return nowMs * 1000;
  const match = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(
    text,
  );
  if (match === null) {
    if (/^\d{4}-/.test(text))
      throw new QuestionError(
        `${JSON.stringify(text)} is no RFC 3339 time: write 2026-03-01T12:00:00Z`,
      );
    if (!durations.test(text))
      throw new QuestionError(
        `${JSON.stringify(text)} is no time: write 2026-03-01T12:00:00Z, or how long ago, as 30s, 15m, 24h, 7d or 1h30m`,
      );
    return Math.round((nowMs - parseDuration(text)) * 1000);
  }
  const [, date, clock, fraction = "", zone = "Z"] = match;
  const seconds = Date.parse(`${date}T${clock}${zone.toUpperCase()}`);
  if (Number.isNaN(seconds))
    throw new QuestionError(`${JSON.stringify(text)} is no time that exists`);
  return seconds * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}
