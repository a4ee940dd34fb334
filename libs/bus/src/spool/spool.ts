import { join } from "node:path";
import { realDisk } from "./disk.ts";
import type { SpoolDisk } from "./disk.ts";
import { frameBlock } from "./frame.ts";
import { lockDirectory } from "./lock.ts";
import { spoolDefaults } from "./options.ts";
import type { SpoolCounters, SpoolEntry, SpoolItem, SpoolOptions } from "./options.ts";
import { PositionFile, startPosition } from "./position.ts";
import type { SpoolPosition } from "./position.ts";
import { listSegments, readPiece, segmentPath } from "./segment.ts";
import type { Segment } from "./segment.ts";
import { SegmentWriter } from "./writer.ts";

/** After so many failures in a row to read a segment, its rest is given up, counted as damaged. */
const readAttempts = 5;

/** Kept for blocks on their way in and out; what is larger gets memory of its own. */
const roomBytes = (1 << 20) + (256 << 10);

/** The latest block of a stream, and how many records the stream had with it. */
export type SpoolMark = Pick<SpoolItem, "stream" | "number" | "total">;

/**
 * Blocks on disk between whoever makes them and a bus that may be away: appended, read in order,
 * and gone when the reader says that the bus has them. All calls are short and synchronous, so that
 * "appended" is a fact when `append` returns.
 */
export interface Spool extends Disposable {
  /** Throws what the file system says; nothing of the item is there then. */
  append(item: SpoolItem): void;
  /**
   * The blocks after those read before, about `maxBytes` of them; their bytes are valid until the
   * next read. Throws what the disk says.
   */
  read(maxBytes: number): SpoolEntry[];
  /** Everything up to and with this entry, the last of a read, is with the bus. Nothing once closed. */
  release(entry: SpoolEntry): void;
  /** The latest block that was appended, also where it was settled long ago. */
  readonly last: SpoolMark;
  /** The latest block that is with the bus. */
  readonly settled: SpoolMark;
  readonly counters: Readonly<SpoolCounters>;
  /** Blocks that stay are there for the next process. */
  close(): void;
}

/** Takes the folder's lock and reads what is there. Rejects with what the file system says. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const disk = options.disk ?? realDisk;
  disk.makeDirectory(options.directory);
  const lock = await lockDirectory(options.directory);
  try {
    PositionFile.make(disk, options.directory);
    return new FileSpool(options, disk, lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

class FileSpool implements Spool {
  readonly counters: SpoolCounters;
  readonly #options: SpoolOptions;
  readonly #disk: SpoolDisk;
  readonly #lock: Disposable;
  readonly #file: PositionFile;
  readonly #writer: SegmentWriter;
  #position: SpoolPosition;
  #segments: Segment[];
  /** Memory that is not asked for anew a hundred times a second: it would wake the collector of garbage. */
  readonly #room = { append: Buffer.alloc(roomBytes), read: Buffer.alloc(roomBytes) };
  #last: SpoolMark;
  #nextSequence: number;
  /** Where the next read begins, in the first segment; with what was read before it. */
  #cursor = 0;
  #before: SpoolMark;
  /** What the reader was given last and has not released. */
  #inHand: SpoolEntry[] = [];
  /** Bytes were found that are no block; what is missing at the next block is their doing. */
  #isDamaged = false;
  #readFailures = 0;
  #isClosed = false;

  constructor(options: SpoolOptions, disk: SpoolDisk, lock: Disposable) {
    this.#options = options;
    this.#disk = disk;
    this.#lock = lock;
    this.#file = new PositionFile(disk, options.directory);
    this.#position = this.#file.read() ?? { ...startPosition };
    this.counters = {
      ...dropCounts(this.#position),
      ...{ waitingBlocks: 0, waitingRecords: 0, waitingBytes: 0 },
      ...{ tornBytes: 0, failedAppends: 0, failedSyncs: 0 },
    };
    this.#segments = listSegments(disk, options.directory);
    this.#finishDropping();
    const { stream, number, total, released } = this.#position;
    this.#last = { stream, number, total };
    this.#before = this.#last;
    this.#nextSequence = released + 1;
    for (const segment of [...this.#segments]) this.#takeStock(segment);
    this.#writer = new SegmentWriter(options, disk, (error) => {
      this.counters.failedSyncs++;
      options.onTrouble?.(error, "the spool could not be synced");
    });
  }

  get last(): SpoolMark {
    return this.#last;
  }

  get settled(): SpoolMark {
    const { stream, number, total } = this.#position;
    return { stream, number, total };
  }

  append(item: SpoolItem): void {
    const frame = frameBlock(item, this.#nextSequence, this.#room.append);
    this.#makeRoom(frame.length);
    try {
      const segment = this.#writer.open ?? this.#begin();
      this.#writer.append(frame);
      segment.bytes += frame.length;
    } catch (error) {
      this.counters.failedAppends++;
      // Where torn bytes could not be taken back, their number is spent.
      if (this.#writer.open === undefined) this.#nextSequence++;
      throw error;
    }
    this.#nextSequence++;
    if (this.#last.stream === "") this.#before = markBefore(item);
    this.#last = { stream: item.stream, number: item.number, total: item.total };
    this.#count([item], 1);
  }

  read(maxBytes: number): SpoolEntry[] {
    for (;;) {
      const segment = this.#segments[0];
      if (segment === undefined) return [];
      const piece = this.#readOn(segment, maxBytes);
      const entries = piece.entries.filter((one) => one.sequence > this.#position.released);
      for (const entry of piece.entries) {
        this.#damage(piece.damage.get(entry) ?? 0);
        this.#notice(entry);
      }
      this.#damage(piece.damagedTail);
      this.#cursor = piece.end;
      if (entries.length > 0) {
        this.#inHand = entries;
        return entries;
      }
      if (this.#cursor < segment.bytes) continue;
      if (segment === this.#writer.open) return [];
      this.#forget(segment);
    }
  }

  release(entry: SpoolEntry): void {
    if (this.#isClosed) return;
    const { sequence, stream, number, total } = entry;
    this.#position = { ...this.#position, released: sequence, stream, number, total };
    this.#count(this.#inHand, -1);
    this.#inHand = [];
    const segment = this.#segments[0];
    if (segment && this.#cursor >= segment.bytes) {
      if (segment !== this.#writer.open) this.#forget(segment);
      else this.#shrink(segment);
    }
    this.#writePosition();
  }

  /** Everything is with the bus: the segment begins anew, so that an idle spool holds nothing. */
  #shrink(segment: Segment): void {
    if (segment.bytes < this.#options.segmentBytes / 8) return;
    this.#writer.finish();
    this.#forget(segment);
  }

  #forget(segment: Segment): void {
    this.#segments = this.#segments.filter((one) => one !== segment);
    this.#cursor = 0;
    try {
      this.#disk.remove(segment.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        this.#options.onTrouble?.(error as Error, "a segment that is done could not be removed");
    }
  }

  #begin(): Segment {
    const path = segmentPath(this.#options.directory, this.#nextSequence);
    const segment = { first: this.#nextSequence, path, bytes: 0 };
    this.#writer.begin(segment);
    this.#segments.push(segment);
    return segment;
  }

  /** Oldest first, but not what the reader has in hand: that is on its way. */
  #makeRoom(bytes: number): void {
    const { maxBytes, segmentBytes } = this.#options;
    const { open } = this.#writer;
    if (open && open.bytes > 0 && open.bytes + bytes > segmentBytes) this.#writer.finish();
    let total = this.#segments.reduce((sum, one) => sum + one.bytes, bytes);
    while (total > maxBytes) {
      const oldest = this.#segments[this.#inHand.length > 0 ? 1 : 0];
      if (oldest === undefined) break;
      if (oldest === this.#writer.open) this.#writer.finish();
      total -= oldest.bytes;
      this.#drop(oldest);
    }
  }

  #drop(segment: Segment): void {
    let entries: SpoolEntry[] = [];
    try {
      ({ entries } = readPiece(this.#disk, segment, 0, segment.bytes));
    } catch (error) {
      this.#options.onTrouble?.(error as Error, "a segment that is dropped cannot be counted");
    }
    const waiting = entries.filter((one) => one.sequence > this.#position.released);
    this.counters.droppedBlocks += waiting.length;
    this.counters.droppedRecords += waiting.reduce((sum, one) => sum + one.records, 0);
    this.counters.droppedBytes += waiting.reduce((sum, one) => sum + one.value.length, 0);
    this.#count(waiting, -1);
    // Counted first and removed after, so that a death in between does neither twice.
    this.#position.dropping = segment.first;
    this.#writePosition();
    const cursor = segment === this.#segments[0] ? 0 : this.#cursor;
    this.#forget(segment);
    this.#cursor = cursor;
    this.#position.dropping = 0;
    const last = waiting.at(-1);
    if (last && this.#inHand.length === 0) this.#before = markOf(last);
  }

  #finishDropping(): void {
    const { dropping } = this.#position;
    if (dropping === 0) return;
    for (const segment of this.#segments.filter((one) => one.first === dropping))
      this.#forget(segment);
    this.#position.dropping = 0;
  }

  #readOn(segment: Segment, maxBytes: number): ReturnType<typeof readPiece> {
    try {
      const piece = readPiece(this.#disk, segment, this.#cursor, maxBytes, this.#room.read);
      this.#readFailures = 0;
      return piece;
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!isGone && ++this.#readFailures < readAttempts) throw error;
      this.#readFailures = 0;
      this.#options.onTrouble?.(error as Error, "a segment of the spool is given up");
      if (segment === this.#writer.open) this.#writer.finish();
      const damagedTail = isGone ? 0 : segment.bytes - this.#cursor;
      return { entries: [], end: segment.bytes, damage: new Map(), damagedTail };
    }
  }

  #damage(bytes: number): void {
    if (bytes === 0) return;
    this.counters.damagedBytes += bytes;
    this.#isDamaged = true;
  }

  /** What damage took is counted by the next block's number and total. */
  #notice(entry: SpoolEntry): void {
    const before = this.#before;
    if (entry.sequence > this.#position.released) this.#before = markOf(entry);
    const isFirst = before.stream === "" && entry.number === entry.sequence;
    if (!this.#isDamaged || !(isFirst || before.stream === entry.stream)) return;
    const blocks = Math.max(0, entry.number - before.number - 1);
    const records = Math.max(0, entry.total - entry.records - before.total);
    if (blocks === 0) return;
    this.#isDamaged = false;
    this.counters.damagedBlocks += blocks;
    this.counters.damagedRecords += records;
    this.#options.onTrouble?.(
      new Error(
        `${blocks} blocks with ${records} records are lost to damage before ${entry.number}`,
      ),
      "the spool is damaged",
    );
  }

  /** At the start: what waits in this segment, and how far it is whole. */
  #takeStock(segment: Segment): void {
    const { entries, damagedTail } = readPiece(this.#disk, segment, 0, segment.bytes);
    if (damagedTail > 0) this.#isDamaged = true;
    if (segment === this.#segments.at(-1)) {
      this.counters.tornBytes += damagedTail;
      segment.bytes -= damagedTail;
    }
    const waiting = entries.filter((one) => one.sequence > this.#position.released);
    const last = waiting.at(-1);
    if (last === undefined) return this.#forget(segment);
    this.#last = markOf(last);
    this.#nextSequence = Math.max(this.#nextSequence, last.sequence + 1);
    this.#count(waiting, 1);
  }

  #count(items: SpoolItem[], sign: 1 | -1): void {
    const { counters } = this;
    for (const { records, value } of items) {
      counters.waitingBlocks += sign;
      counters.waitingRecords += sign * records;
      counters.waitingBytes += sign * value.length;
    }
  }

  #writePosition(): void {
    this.#position = { ...this.#position, ...dropCounts(this.counters) };
    try {
      this.#file.write(this.#position);
    } catch (error) {
      this.#options.onTrouble?.(error as Error, "the spool's position could not be written");
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#writer.close();
    this.#file.close();
    this.#lock[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function markOf({ stream, number, total }: SpoolMark): SpoolMark {
  return { stream, number, total };
}

/** Numbers need not begin with 1. */
function markBefore({ stream, number, total, records }: SpoolItem): SpoolMark {
  return { stream, number: number - 1, total: total - records };
}

type DropCounts = Pick<
  SpoolPosition,
  | "droppedBlocks"
  | "droppedRecords"
  | "droppedBytes"
  | "damagedBlocks"
  | "damagedRecords"
  | "damagedBytes"
>;

function dropCounts(from: DropCounts): DropCounts {
  const { droppedBlocks, droppedRecords, droppedBytes } = from;
  const { damagedBlocks, damagedRecords, damagedBytes } = from;
  return {
    ...{ droppedBlocks, droppedRecords, droppedBytes },
    ...{ damagedBlocks, damagedRecords, damagedBytes },
  };
}

/** Takes an empty spool's files away; false where blocks wait in it. */
export async function removeSpool(directory: string): Promise<boolean> {
  const disk = realDisk;
  let names: string[];
  try {
    names = disk.list(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
  using spool = await openSpool({ ...removeOptions, directory });
  if (spool.counters.waitingBlocks > 0) return false;
  names = disk.list(directory);
  for (const name of names) disk.remove(join(directory, name));
  disk.removeDirectory(directory);
  return true;
}

const removeOptions: Omit<SpoolOptions, "directory"> = { ...spoolDefaults, sync: "never" };
