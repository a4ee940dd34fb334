import { join } from "node:path";
import type { SpoolDisk } from "./disk.ts";
import { blockAt, frameHeadBytes, nextBlock } from "./frame.ts";
import type { SpoolEntry } from "./options.ts";

/** A file of blocks, named by the sequence of its first. */
export interface Segment {
  first: number;
  path: string;
  /** Bytes of it that count: behind them is what a failed append left. */
  bytes: number;
}

const none = Buffer.alloc(0);
const name = /^(\d{16})\.blocks$/;

export function segmentPath(directory: string, first: number): string {
  return join(directory, `${String(first).padStart(16, "0")}.blocks`);
}

export function listSegments(disk: SpoolDisk, directory: string): Segment[] {
  const firsts = disk.list(directory).flatMap((one) => name.exec(one)?.[1] ?? []);
  return firsts
    .map(Number)
    .toSorted((one, other) => one - other)
    .map((first) => {
      const path = segmentPath(directory, first);
      return { first, path, bytes: withFile(disk, path, (fd) => disk.size(fd)) };
    });
}

export interface Piece {
  entries: SpoolEntry[];
  /** Where to read on. */
  end: number;
  /** Bytes passed over that are no block, in front of each entry that has some. */
  damage: Map<SpoolEntry, number>;
  /** The same behind the last entry, up to the segment's end. */
  damagedTail: number;
}

/**
 * Blocks from `from` on, about `wanted` bytes of them and at least one where there is one. They lie
 * in `room` where that is large enough.
 */
export function readPiece(
  disk: SpoolDisk,
  segment: Segment,
  from: number,
  wanted: number,
  room: Buffer = none,
): Piece {
  return withFile(disk, segment.path, (fd) => {
    const left = Math.max(0, segment.bytes - from);
    for (let size = Math.min(left, wanted + frameHeadBytes); ; size = Math.min(left, size * 2)) {
      const bytes = size > room.length ? Buffer.alloc(size) : room.subarray(0, size);
      const filled = disk.read(fd, bytes, from);
      const isEnd = size === left || filled < size;
      const piece = parse(bytes.subarray(0, filled), from, isEnd);
      if (filled < size) {
        // Somebody has cut the file short.
        piece.damagedTail += segment.bytes - from - filled;
        piece.end = segment.bytes;
      }
      if (piece.entries.length > 0 || isEnd) return piece;
    }
  });
}

/** Without the segment's end in `bytes`, a block cut off at theirs is left for the next piece. */
function parse(bytes: Buffer, from: number, isEnd: boolean): Piece {
  const piece: Piece = { entries: [], end: from, damage: new Map(), damagedTail: 0 };
  for (let at = 0; at < bytes.length;) {
    let found = blockAt(bytes, at);
    if (found === undefined) {
      const next = nextBlock(bytes, at);
      if (next === bytes.length) {
        if (!isEnd) return piece;
        piece.damagedTail = bytes.length - at;
        piece.end = from + bytes.length;
        return piece;
      }
      found = blockAt(bytes, next);
      if (found === undefined) return piece;
      piece.damage.set(found.entry, next - at);
    }
    piece.entries.push(found.entry);
    at = found.end;
    piece.end = from + at;
  }
  return piece;
}

export function withFile<T>(disk: SpoolDisk, path: string, work: (fd: number) => T): T {
  const fd = disk.open(path, "r");
  try {
    return work(fd);
  } finally {
    disk.close(fd);
  }
}
