import type { BlockHeader, FlowEncoder } from "./contract.ts";
import { flowLayout, flowRecordBytes, flowSymbols } from "./flow-layout.ts";
import { frameBytes, writeFrame } from "./frame.ts";
import { schemas } from "./schemas.ts";
import { maxLong, maxLongBytes, minLong, writeLong } from "./varint.ts";

/** Longest encoding of one flow: 8 longs, 2 addresses, 3 ints, 3 ports, 5 bytes as ints, 4 enums. */
const maxFlowBytes = 8 * maxLongBytes + 2 * 16 + 3 * 5 + 3 * 3 + 5 * 2 + 4 * 1;

/**
 * Encodes struct weir_flow_record into blocks of weir.flows.v1 without an object per flow.
 *
 * What the kernel may say and Avro cannot: counters past 2^53-2 are written as that; an enum
 * value without a symbol is written as `unknown`; u32 fields are written as the int of the same 32
 * bits. Record times are CLOCK_MONOTONIC nanoseconds and are rounded down to microseconds of wall
 * time, exactly within 104 days of the block's base time, which is the time of its first record.
 *
 * `encode` throws RangeError when `out` is smaller than `maxBytes` says, or `records` than `count`.
 */
export function createFlowEncoder(): FlowEncoder {
  return { recordBytes: flowRecordBytes, maxBytes, encode };
}

function maxBytes(header: BlockHeader, count: number): number {
  let bytes = frameBytes + 4 * maxLongBytes + 2;
  bytes += 5 + Buffer.byteLength(header.node) + 5 + Buffer.byteLength(header.bootId);
  for (const rule of header.rules) bytes += 5 + 5 + 5 + Buffer.byteLength(rule.text);
  return bytes + count * maxFlowBytes;
}

function encode(header: BlockHeader, records: Uint8Array, count: number, out: Uint8Array): number {
  if (count * flowRecordBytes > records.length) {
    throw new RangeError(
      `${count} records are ${count * flowRecordBytes} bytes, given ${records.length}`,
    );
  }
  const needed = maxBytes(header, count);
  if (out.length < needed) {
    throw new RangeError(
      `${count} records may need ${needed} bytes, there is room for ${out.length}`,
    );
  }
  const view = new DataView(records.buffer, records.byteOffset, count * flowRecordBytes);
  const base = baseOf(view, count, header.clockOffsetNs);
  let at = writeFrame(out, schemas.FlowBlock.id);
  at = writeText(out, at, header.node);
  at = writeText(out, at, header.bootId);
  at = writeLong(out, at, header.block);
  at = writeLong(out, at, base.wallMicros);
  at = writeRules(out, at, header.rules);
  if (count > 0) at = writeLong(out, at, count);
  for (let index = 0; index < count; index++) {
    at = writeFlow(out, at, view, records, index * flowRecordBytes, base);
  }
  out[at] = 0;
  return at + 1;
}

/** The moment the times of a block are relative to, on both clocks. */
interface Base {
  wallMicros: number;
  /** CLOCK_MONOTONIC nanoseconds of just that microsecond, as two halves. */
  low: number;
  high: number;
}

function baseOf(view: DataView, count: number, clockOffsetNs: bigint): Base {
  const first = count === 0 ? 0n : view.getBigUint64(flowLayout.time.offset, true);
  const wallMicros = BigInt.asIntN(53, (first + clockOffsetNs) / 1000n);
  // Down to 999 ns before the record, so it may be negative: the upper half carries the sign.
  const monotonic = wallMicros * 1000n - clockOffsetNs;
  return {
    wallMicros: Number(wallMicros),
    low: Number(monotonic & 0xffffffffn),
    high: Number(monotonic >> 32n),
  };
}

function writeRules(out: Uint8Array, start: number, rules: BlockHeader["rules"]): number {
  let at = start;
  if (rules.length > 0) {
    at = writeLong(out, at, rules.length);
    for (const rule of rules) {
      at = writeLong(out, at, rule.generation | 0);
      at = writeLong(out, at, rule.rule | 0);
      at = writeText(out, at, rule.text);
    }
  }
  out[at] = 0;
  return at + 1;
}

function writeText(out: Uint8Array, at: number, text: string): number {
  const bytes = Buffer.byteLength(text);
  const start = writeLong(out, at, bytes);
  Buffer.from(out.buffer, out.byteOffset, out.byteLength).write(text, start, "utf8");
  return start + bytes;
}

function writeFlow(
  out: Uint8Array,
  start: number,
  view: DataView,
  records: Uint8Array,
  record: number,
  base: Base,
): number {
  let at = writeTime(out, start, view, record + flowLayout.time.offset, base);
  at = writeTime(out, at, view, record + flowLayout.first.offset, base);
  at = writeTime(out, at, view, record + flowLayout.last.offset, base);
  at = writeCounter(out, at, view, record + flowLayout.sequence.offset);
  at = writeCounter(out, at, view, record + flowLayout.packets.offset);
  at = writeCounter(out, at, view, record + flowLayout.bytes.offset);
  at = writeCounter(out, at, view, record + flowLayout.reply_packets.offset);
  at = writeCounter(out, at, view, record + flowLayout.reply_bytes.offset);
  // Both addresses lie back to back, here and on the wire.
  const addresses = record + flowLayout.src_addr.offset;
  for (let index = 0; index < 32; index++) out[at + index] = records[addresses + index] as number;
  at += 32;
  at = writeLong(out, at, view.getInt32(record + flowLayout.ifindex.offset, true));
  at = writeLong(out, at, view.getInt32(record + flowLayout.generation.offset, true));
  at = writeLong(out, at, view.getInt32(record + flowLayout.rule.offset, true));
  at = writeLong(out, at, view.getUint16(record + flowLayout.src_port.offset, true));
  at = writeLong(out, at, view.getUint16(record + flowLayout.dst_port.offset, true));
  at = writeLong(out, at, view.getUint16(record + flowLayout.cpu.offset, true));
  at = writeLong(out, at, view.getUint8(record + flowLayout.protocol.offset));
  at = writeEnum(out, at, view.getUint8(record + flowLayout.direction.offset), directions);
  at = writeEnum(out, at, view.getUint8(record + flowLayout.verdict.offset), verdicts);
  at = writeEnum(out, at, view.getUint8(record + flowLayout.reason.offset), reasons);
  at = writeEnum(out, at, view.getUint8(record + flowLayout.kind.offset), kinds);
  at = writeLong(out, at, view.getUint8(record + flowLayout.flags.offset));
  at = writeLong(out, at, view.getUint8(record + flowLayout.tcp_flags.offset));
  at = writeLong(out, at, view.getUint8(record + flowLayout.reply_tcp_flags.offset));
  return writeLong(out, at, view.getUint8(record + flowLayout.connections.offset));
}

const directions = flowSymbols.direction.length;
const verdicts = flowSymbols.verdict.length;
const reasons = flowSymbols.reason.length;
const kinds = flowSymbols.kind.length;

function writeEnum(out: Uint8Array, at: number, value: number, symbols: number): number {
  out[at] = value < symbols ? value << 1 : 0;
  return at + 1;
}

function writeTime(out: Uint8Array, at: number, view: DataView, field: number, base: Base): number {
  const low = view.getUint32(field, true) - base.low;
  const high = view.getUint32(field + 4, true) - base.high;
  // The halves are subtracted first: uptimes past 104 days are no exact doubles, differences are.
  const micros = Math.floor((high * 0x100000000 + low) / 1000);
  return writeLong(out, at, Math.max(minLong, Math.min(maxLong, micros)));
}

function writeCounter(out: Uint8Array, at: number, view: DataView, field: number): number {
  const value = view.getUint32(field + 4, true) * 0x100000000 + view.getUint32(field, true);
  return writeLong(out, at, value > maxLong ? maxLong : value);
}
