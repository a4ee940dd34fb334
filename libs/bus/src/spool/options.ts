import type { SpoolDisk } from "./disk.ts";

/** When what was appended is forced to the platter. A killed process loses nothing either way. */
export type SpoolSync = "each" | "interval" | "never";

export interface SpoolOptions {
  /** Made where it is missing. One process at a time. */
  directory: string;
  /** All segments together. Beyond, the oldest segment goes, counted as dropped. */
  maxBytes: number;
  /** A segment is closed at this size; what is dropped is dropped by segments. */
  segmentBytes: number;
  /**
   * `each`: before `append` returns, a machine that loses power loses nothing. `interval`: every
   * `syncIntervalMs`, off the event loop; it may lose that much. `never`: the kernel decides.
   */
  sync: SpoolSync;
  syncIntervalMs: number;
  /** Trouble that is not the caller's: a sync that failed, damage that was found. */
  onTrouble?(error: Error, what: string): void;
  /** The file system; tests put one in its place that fails when it is told to. */
  disk?: SpoolDisk;
}

export const spoolDefaults = {
  maxBytes: 256 << 20,
  segmentBytes: 8 << 20,
  sync: "interval",
  syncIntervalMs: 1000,
} as const;

/** What goes in. */
export interface SpoolItem {
  /** Whose numbers these are, e.g. a boot; at most 64 bytes of UTF-8. */
  stream: string;
  /** Grows within a stream. */
  number: number;
  /** Records in `value`, and in all values of the stream up to and with this one. */
  records: number;
  total: number;
  value: Uint8Array;
}

/** What comes out, in the order in which it went in. */
export interface SpoolEntry extends SpoolItem {
  /** Counts all that was ever appended here, from 1. */
  sequence: number;
}

/** Totals since the folder was made, but for what `waiting` says of now. */
export interface SpoolCounters {
  /** Given up, oldest first, because the spool was full. */
  droppedBlocks: number;
  droppedRecords: number;
  droppedBytes: number;
  /** Lost to bytes that are not what was written. */
  damagedBlocks: number;
  damagedRecords: number;
  damagedBytes: number;
  waitingBlocks: number;
  waitingRecords: number;
  waitingBytes: number;
  /** Since this process opened it. */
  tornBytes: number;
  failedAppends: number;
  failedSyncs: number;
}
