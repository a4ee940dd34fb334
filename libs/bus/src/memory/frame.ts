import { crc32 } from "node:zlib";
import type { Message } from "../bus.ts";

/**
 * One record of a stored topic: u32 length, u32 crc32 of the body, body. The body is u64
 * offset, f64 time, i32 length and bytes of key, value and headers (JSON); -1 stands for null.
 * A record with neither key nor value only says which offset comes next.
 */
export interface StoredRecord {
  offset: bigint;
  timestampMs: number;
  key: string | null;
  value: Uint8Array | null;
  headers: Record<string, string>;
}

const headBytes = 8;
const fixedBytes = 8 + 8 + 3 * 4;

export function frameRecord(record: StoredRecord): Buffer {
  const key = record.key === null ? null : Buffer.from(record.key);
  const headers =
    Object.keys(record.headers).length === 0 ? null : Buffer.from(JSON.stringify(record.headers));
  const parts = [key, record.value, headers];
  const body = Buffer.alloc(parts.reduce((sum, part) => sum + (part?.length ?? 0), fixedBytes));
  body.writeBigUInt64LE(record.offset, 0);
  body.writeDoubleLE(record.timestampMs, 8);
  let at = 16;
  for (const part of parts) {
    body.writeInt32LE(part?.length ?? -1, at);
    at += 4;
    if (part) body.set(part, at);
    at += part?.length ?? 0;
  }
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(body.length, 0);
  head.writeUInt32LE(crc32(body), 4);
  return Buffer.concat([head, body]);
}

/** The record at `at`, or undefined where there is no whole and sound one. */
export function readRecord(
  bytes: Buffer,
  at: number,
): { record: StoredRecord; end: number } | undefined {
  if (at + headBytes > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const start = at + headBytes;
  if (length < fixedBytes || start + length > bytes.length) return undefined;
  const body = bytes.subarray(start, start + length);
  if (crc32(body) !== bytes.readUInt32LE(at + 4)) return undefined;
  let next = 16;
  const part = (): Buffer | null => {
    const size = body.readInt32LE(next);
    next += 4 + Math.max(0, size);
    return size < 0 ? null : Buffer.from(body.subarray(next - size, next));
  };
  const key = part();
  const value = part();
  const headers = part();
  return {
    record: {
      offset: body.readBigUInt64LE(0),
      timestampMs: body.readDoubleLE(8),
      key: key === null ? null : key.toString("utf8"),
      value,
      headers:
        headers === null ? {} : (JSON.parse(headers.toString("utf8")) as Record<string, string>),
    },
    end: start + length,
  };
}

/** Where a broken record ends if its length is to be believed. */
export function claimedEnd(bytes: Buffer, at: number): number {
  return at + headBytes > bytes.length ? bytes.length + 1 : at + headBytes + bytes.readUInt32LE(at);
}

export function storedOf(message: Message): StoredRecord {
  const { offset, timestampMs, key, value, headers } = message;
  return { offset, timestampMs, key, value, headers };
}
