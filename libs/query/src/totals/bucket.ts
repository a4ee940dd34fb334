import { rollUps } from "./pieces.ts";

/** Microseconds since 1970; `until` is not part of it. */
export interface Bucket {
  since: number;
  until: number;
  size: "minute" | "hour" | "day";
}

const sizes = { edges_1m: "minute", edges_1h: "hour", edges_1d: "day" } as const;

/** The finest row of the roll-ups that holds a time and is still kept. Days of 0 are for ever. */
export function bucketAt(
  at: number,
  now: number,
  kept: { minute_days: number; hour_days: number },
): Bucket {
  const days = { edges_1m: kept.minute_days, edges_1h: kept.hour_days, edges_1d: 0 };
  const isKept = (table: keyof typeof days) =>
    days[table] === 0 || at >= now - days[table] * 86_400_000_000;
  const { table, sizeUs } = rollUps.findLast((one) => isKept(one.table)) ?? rollUps[0];
  const since = Math.floor(at / sizeUs) * sizeUs;
  return { since, until: since + sizeUs, size: sizes[table] };
}
