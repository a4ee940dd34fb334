import { z } from "zod";

const days = (what: string) =>
  z
    .int()
    .min(1)
    .max(36_500)
    .optional()
    .describe(`Days that ${what} are kept; absent: as the tables have it.`);

/** How long the store keeps what. Stations that share a store: say it in one of them. */
export const retention = z
  .object({
    flowDays: days("flows (30 at first)"),
    minuteDays: days("edges per minute (30 at first)"),
    hourDays: days("edges per hour (400 at first)"),
    dayDays: days("edges per day (1100 at first)"),
    eventDays: days("events (90 at first)"),
    ledgerDays: days("reports of collectors (90 at first)"),
    deadLetterDays: days("dead letters (30 at first)"),
  })
  .prefault({});
