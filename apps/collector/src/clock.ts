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
