import { crc32c } from "./crc32c.ts";
import { pack } from "./packing.ts";
import type { Packing } from "./packing.ts";

/** A message as it goes into a batch. */
export interface SentRecord {
  key: string | null;
  value: Buffer | null;
  headers: { [name: string]: string };
}

export interface RecordBatch {
  records: SentRecord[];
  /** Of all its records: when they were sent. */
  timestampMs: number;
  /** -1 without idempotence. */
  producerId: bigint;
  producerEpoch: number;
  firstSequence: number;
  packing: Packing;
}

/** Bytes of a batch before its records: offset, length, epoch, magic, checksum and what that covers. */
const headBytes = 61;
const checkedFrom = 21;

/** Records are laid out here before they are packed. More than this is not kept for the next batch. */
const keptScratchBytes = 1 << 20;
let scratch = Buffer.alloc(0);

/** A record's varints and its zeroes take no more than this, without keys of headers and their values. */
const recordHeadBytes = 32;
const headerHeadBytes = 10;

/** Head and packed records of a batch, format 2. The head is to be followed by the body at once. */
export function encodeBatch(batch: RecordBatch): { head: Buffer; body: Buffer } {
  const { records } = batch;
  const room = roomOf(records);
  if (scratch.length < room) scratch = Buffer.allocUnsafeSlow(room);
  const laid = scratch.subarray(0, layOut(records, scratch));
  // What is not packed would be written over by the next batch.
  const body = batch.packing === "none" ? Buffer.from(laid) : pack(batch.packing, laid);
  if (scratch.length > keptScratchBytes) scratch = Buffer.alloc(0);
  const head = Buffer.allocUnsafe(headBytes);
  head.writeBigInt64BE(0n, 0);
  head.writeInt32BE(headBytes - 12 + body.length, 8);
  head.writeInt32BE(0, 12);
  head.writeInt8(2, 16);
  head.writeInt16BE(packingBits[batch.packing], 21);
  head.writeInt32BE(records.length - 1, 23);
  head.writeBigInt64BE(BigInt(batch.timestampMs), 27);
  head.writeBigInt64BE(BigInt(batch.timestampMs), 35);
  head.writeBigInt64BE(batch.producerId, 43);
  head.writeInt16BE(batch.producerEpoch, 51);
  head.writeInt32BE(batch.firstSequence, 53);
  head.writeInt32BE(records.length, 57);
  head.writeUInt32BE(crc32c(body, crc32c(head.subarray(checkedFrom))), 17);
  return { head, body };
}

const packingBits: { [name in Packing]: number } = { none: 0, gzip: 1, zstd: 4 };

function roomOf(records: SentRecord[]): number {
  let room = 0;
  for (const { key, value, headers } of records) {
    room += recordHeadBytes + 3 * (key?.length ?? 0) + (value?.length ?? 0);
    for (const [name, text] of Object.entries(headers)) {
      room += headerHeadBytes + 3 * (name.length + text.length);
    }
  }
  return room;
}

function layOut(records: SentRecord[], into: Buffer): number {
  let at = 0;
  for (const [index, { key, value, headers }] of records.entries()) {
    const entries = Object.entries(headers);
    at = putVarint(into, at, lengthOf(index, key, value, entries));
    // No attributes, and no time after the batch's own.
    into[at++] = 0;
    into[at++] = 0;
    at = putVarint(into, at, index);
    at = key === null ? putVarint(into, at, -1) : putText(into, at, key);
    at = putVarint(into, at, value === null ? -1 : value.length);
    if (value !== null) {
      into.set(value, at);
      at += value.length;
    }
    at = putVarint(into, at, entries.length);
    for (const [name, text] of entries) at = putText(into, putText(into, at, name), text);
  }
  return at;
}

function lengthOf(
  index: number,
  key: string | null,
  value: Uint8Array | null,
  headers: [string, string][],
): number {
  let bytes = 2 + varintBytes(index) + varintBytes(headers.length);
  bytes += key === null ? 1 : textBytes(key);
  bytes += value === null ? 1 : varintBytes(value.length) + value.length;
  for (const [name, text] of headers) bytes += textBytes(name) + textBytes(text);
  return bytes;
}

function textBytes(text: string): number {
  const bytes = Buffer.byteLength(text);
  return varintBytes(bytes) + bytes;
}

function putText(into: Buffer, at: number, text: string): number {
  const from = putVarint(into, at, Buffer.byteLength(text));
  return from + into.write(text, from);
}

/** Zigzag: the sign goes into the lowest bit. */
function putVarint(into: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 127) {
    into[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = ((value << 1) ^ (value >> 31)) >>> 0; rest > 127; rest >>>= 7) bytes++;
  return bytes;
}
