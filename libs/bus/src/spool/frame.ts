import { crc32 } from "node:zlib";
import type { SpoolEntry, SpoolItem } from "./options.ts";

/**
 * One block in a segment: mark, u32 crc32 of all that follows, u32 length of the value, u32 records,
 * u64 sequence, u64 number, u64 total, u8 length of the stream's name and 64 bytes for it, value.
 * The mark lets a reader find the next block behind damage.
 *
 * crc32 and not crc32c: Node has it native (zlib), and a checksum in JavaScript costs more than the
 * write. Both find every torn write and every flipped bit of a block alike.
 */
const mark = Buffer.from("weirblok");
const crcAt = 8;
const lengthAt = 12;
const recordsAt = 16;
const sequenceAt = 20;
const numberAt = 28;
const totalAt = 36;
const streamAt = 44;
const maxStreamBytes = 64;
export const frameHeadBytes = streamAt + 1 + maxStreamBytes;
/** Larger is no block of ours, whatever the bytes say. */
export const maxValueBytes = 16 << 20;

/** In `room` where it fits there, else in memory of its own. */
export function frameBlock(item: SpoolItem, sequence: number, room: Buffer): Buffer {
  const stream = Buffer.from(item.stream);
  if (stream.length > maxStreamBytes)
    throw new RangeError(`a stream's name has at most ${maxStreamBytes} bytes: ${item.stream}`);
  if (item.value.length > maxValueBytes)
    throw new RangeError(`a block has at most ${maxValueBytes} bytes, not ${item.value.length}`);
  const bytes = frameHeadBytes + item.value.length;
  const frame = bytes > room.length ? Buffer.alloc(bytes) : room.subarray(0, bytes);
  frame.fill(0, 0, frameHeadBytes);
  mark.copy(frame);
  frame.writeUInt32LE(item.value.length, lengthAt);
  frame.writeUInt32LE(item.records, recordsAt);
  frame.writeBigUInt64LE(BigInt(sequence), sequenceAt);
  frame.writeBigUInt64LE(BigInt(item.number), numberAt);
  frame.writeBigUInt64LE(BigInt(item.total), totalAt);
  frame.writeUInt8(stream.length, streamAt);
  stream.copy(frame, streamAt + 1);
  frame.set(item.value, frameHeadBytes);
  frame.writeUInt32LE(crc32(frame.subarray(lengthAt)), crcAt);
  return frame;
}

/** The whole and sound block at `at`, with its end; undefined where there is none. */
export function blockAt(bytes: Buffer, at: number): { entry: SpoolEntry; end: number } | undefined {
  if (at + frameHeadBytes > bytes.length) return undefined;
  if (mark.compare(bytes, at, at + mark.length) !== 0) return undefined;
  const length = bytes.readUInt32LE(at + lengthAt);
  const end = at + frameHeadBytes + length;
  if (length > maxValueBytes || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(at + lengthAt, end)) !== bytes.readUInt32LE(at + crcAt))
    return undefined;
  const streamBytes = bytes.readUInt8(at + streamAt);
  const entry = {
    stream: bytes.toString("utf8", at + streamAt + 1, at + streamAt + 1 + streamBytes),
    number: Number(bytes.readBigUInt64LE(at + numberAt)),
    records: bytes.readUInt32LE(at + recordsAt),
    total: Number(bytes.readBigUInt64LE(at + totalAt)),
    sequence: Number(bytes.readBigUInt64LE(at + sequenceAt)),
    value: bytes.subarray(at + frameHeadBytes, end),
  };
  return { entry, end };
}

/** Where the next sound block begins at or behind `at`; the end of the bytes where none does. */
export function nextBlock(bytes: Buffer, at: number): number {
  for (let found = bytes.indexOf(mark, at); found !== -1; found = bytes.indexOf(mark, found + 1))
    if (blockAt(bytes, found) !== undefined) return found;
  return bytes.length;
}
