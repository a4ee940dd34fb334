import type { BusCounters } from "./bus.ts";

export function newCounters(): BusCounters {
  return {
    sentMessages: 0,
    sentBytes: 0,
    refusedMessages: 0,
    readMessages: 0,
    inFlightBytes: 0,
    skippedMessages: 0,
    expiredMessages: 0,
    retries: 0,
  };
}
