import type { Log } from "@weir/runtime";
import { Timeline } from "./timeline.ts";

/** The clocks a process can read; a test brings its own. */
export interface Clocks {
  wallMs(): number;
  monotonicNs(): bigint;
}

const machine: Clocks = {
  wallMs: () => Date.now(),
  monotonicNs: () => process.hrtime.bigint(),
};

/** Longest wait for a tick of the wall clock: it ticks every millisecond. */
const maxSpinNs = 3_000_000n;

/**
 * Wall time minus CLOCK_MONOTONIC in nanoseconds. The wall clock tells whole milliseconds only, so
 * its next tick is waited for: the result is good to microseconds, for at most 3 ms of waiting.
 */
export function readClockOffsetNs(clocks: Clocks = machine): bigint {
  const begun = clocks.wallMs();
  const deadline = clocks.monotonicNs() + maxSpinNs;
  for (;;) {
    const monotonic = clocks.monotonicNs();
    const wall = clocks.wallMs();
    if (wall !== begun || monotonic > deadline) return BigInt(wall) * 1_000_000n - monotonic;
  }
}

/** Gives blocks their wall time. */
export interface BlockClock {
  /**
   * Wall time minus CLOCK_MONOTONIC for a block made now. Moves the records' instants where the
   * wall clock has been set since.
   */
  offsetFor(records: Uint8Array, count: number): bigint;
}

/** The clocks are compared when a block is made and `syncIntervalMs` have passed. */
export function createBlockClock(
  syncIntervalMs: number,
  log: Pick<Log, "warn">,
  clocks: Clocks = machine,
): BlockClock {
  let comparedNs = clocks.monotonicNs();
  const timeline = new Timeline(comparedNs, readClockOffsetNs(clocks));
  return {
    offsetFor(records, count) {
      if (clocks.monotonicNs() - comparedNs > BigInt(syncIntervalMs) * 1_000_000n) {
        const offsetNs = readClockOffsetNs(clocks);
        comparedNs = clocks.monotonicNs();
        const setNs = timeline.compare(comparedNs, offsetNs);
        if (setNs !== 0n)
          log.warn({ setMs: Number(setNs / 1_000_000n) }, "the wall clock has been set");
      }
      const offsetNs = timeline.baseNs;
      timeline.straighten(records, count, offsetNs);
      return offsetNs;
    },
  };
}
