import { flowLayout, flowRecordBytes } from "@weir/codec";

/** Differences below are the clock's own wandering, and are let go. */
const toleranceNs = 10_000_000n;
/** A clock that was set back further than this is followed at once, and time runs back with it. */
const maxSlewNs = 3_600_000_000_000n;
/** Earlier bends are forgotten: what was before them is told by the earliest left. */
const maxBends = 16;

/** From here on wall time is `wallNs` and runs with the kernel's clock, or half as fast. */
interface Bend {
  fromNs: bigint;
  wallNs: bigint;
  isSlow: boolean;
}

/**
 * Which wall time each instant of the kernel's clock has: one answer for good, and a later instant
 * never an earlier time. A wall clock that is set forward is followed from then on, what was before
 * stays where it was; one that is set back is waited for, time running at half speed until it is
 * met. So a flow keeps its first instant over all its records, and rows keep their order.
 */
export class Timeline {
  readonly #bends: Bend[];

  constructor(monotonicNs: bigint, offsetNs: bigint) {
    this.#bends = [{ fromNs: monotonicNs, wallNs: monotonicNs + offsetNs, isSlow: false }];
  }

  /** The clocks were compared at `monotonicNs`. Returns by how much the wall clock had been set. */
  compare(monotonicNs: bigint, offsetNs: bigint): bigint {
    const bend = this.#bends.at(-1);
    const setNs = offsetNs - (bend === undefined ? 0n : bend.wallNs - bend.fromNs);
    if (setNs <= toleranceNs && setNs >= -toleranceNs) return 0n;
    const wallNs = monotonicNs + offsetNs;
    const told = this.wallNs(monotonicNs);
    const aheadNs = told - wallNs;
    while ((this.#bends.at(-1)?.fromNs ?? 0n) >= monotonicNs && this.#bends.length > 1)
      this.#bends.pop();
    if (aheadNs < 0n || aheadNs > maxSlewNs) {
      this.#bends.push({ fromNs: monotonicNs, wallNs, isSlow: false });
    } else {
      const meetNs = monotonicNs + 2n * aheadNs;
      this.#bends.push({ fromNs: monotonicNs, wallNs: told, isSlow: true });
      this.#bends.push({ fromNs: meetNs, wallNs: meetNs + offsetNs, isSlow: false });
    }
    this.#bends.splice(0, this.#bends.length - maxBends);
    return setNs;
  }

  wallNs(monotonicNs: bigint): bigint {
    const bend = this.#bends.findLast((one) => one.fromNs <= monotonicNs) ?? this.#bends[0];
    if (bend === undefined) return monotonicNs;
    const sinceNs = monotonicNs - bend.fromNs;
    return bend.wallNs + (bend.isSlow ? sinceNs / 2n : sinceNs);
  }

  /** Wall time minus the kernel's clock at that instant. */
  offsetNs(monotonicNs: bigint): bigint {
    return this.wallNs(monotonicNs) - monotonicNs;
  }

  /** The smallest there is, under which no instant becomes negative. */
  get baseNs(): bigint {
    return this.#bends
      .map((bend) => bend.wallNs - bend.fromNs)
      .reduce((least, one) => (one < least ? one : least));
  }

  /** Moves the instants of `count` records so that they come out right under this one offset. */
  straighten(records: Uint8Array, count: number, offsetNs: bigint): void {
    if (this.#bends.length === 1) return;
    const view = new DataView(records.buffer, records.byteOffset, count * flowRecordBytes);
    for (let at = 0; at < view.byteLength; at += flowRecordBytes) {
      for (const { offset } of [flowLayout.time, flowLayout.first, flowLayout.last]) {
        const instant = view.getBigUint64(at + offset, true);
        view.setBigUint64(at + offset, this.wallNs(instant) - offsetNs, true);
      }
    }
  }
}
