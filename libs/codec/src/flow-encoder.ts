import type { BlockHeader, FlowEncoder, FlowProcess } from "./contract.ts";
import { flowLayout, flowRecordBytes } from "./flow-layout.ts";
import { flowPlans } from "./flow-mapping.ts";
import { frameBytes, writeFrame } from "./frame.ts";
import { schemas } from "./schemas.ts";
import { encodeModule, runningTableBytes } from "./transcoder/encode-module.ts";
import type { EncodeExports } from "./transcoder/encode-module.ts";
import { recordBounds } from "./transcoder/plan.ts";
import { maxLongBytes, writeLong } from "./varint.ts";

const addressBytes = 16;
/** Source and destination. */
const addressesPerFlow = flowPlans.filter((plan) => plan.type === "listed").length;
const maxFlowBytes = recordBounds(flowPlans).most + addressesPerFlow * addressBytes;
const pageBytes = 65_536;

/** Compiled once for all encoders. */
const module = encodeModule(flowPlans, flowRecordBytes, runningTableBytes);

/**
 * Encodes struct weir_flow_record into blocks of weir.flows.v1 with generated WebAssembly: no object
 * per flow, and no line of code per field.
 *
 * What the kernel may say and Avro cannot: counters past 2^53-2 are written as that; an enum
 * value without a symbol is written as `unknown`; u32 fields are written as the int of the same 32
 * bits. Record times are CLOCK_MONOTONIC nanoseconds and are rounded down to microseconds of wall
 * time, held to the years 1970 to 2112; sequences stop at 2^52-1.
 *
 * `encode` throws RangeError when `out` is smaller than `maxBytes` says, or `records` than `count`.
 * The encoder keeps memory for the largest block it has made: its records, and twice as much.
 */
export function createFlowEncoder(): FlowEncoder {
  return new WasmEncoder();
}

class WasmEncoder implements FlowEncoder {
  readonly recordBytes = flowRecordBytes;
  readonly #wasm = new WebAssembly.Instance(module).exports as unknown as EncodeExports;
  /** Attackers choose addresses: which of them collide in the table is not theirs to know. */
  readonly #seed = crypto.getRandomValues(new BigInt64Array(1))[0] as bigint;

  maxBytes(header: BlockHeader, count: number): number {
    let bytes = frameBytes + 5 * maxLongBytes + 3;
    bytes += 5 + Buffer.byteLength(header.node) + 5 + Buffer.byteLength(header.bootId);
    for (const rule of header.rules) bytes += 5 + 5 + 5 + Buffer.byteLength(rule.text);
    for (const process of header.processes) bytes += maxProcessBytes(process);
    for (const name of header.names) bytes += 5 + Buffer.byteLength(name);
    bytes += 2 * (maxLongBytes + 1);
    return bytes + count * maxFlowBytes;
  }

  encode(header: BlockHeader, records: Uint8Array, count: number, out: Uint8Array): number {
    const bytes = count * flowRecordBytes;
    if (bytes > records.length) {
      throw new RangeError(`${count} records are ${bytes} bytes, given ${records.length}`);
    }
    const needed = this.maxBytes(header, count);
    if (out.length < needed) {
      throw new RangeError(
        `${count} records may need ${needed} bytes, there is room for ${out.length}`,
      );
    }
    const wasm = this.#wasm;
    const places = this.#place(count);
    new Uint8Array(wasm.memory.buffer).set(records.subarray(0, bytes), places.records);
    wasm.beginList(places.table, places.slots, places.addresses, this.#seed);
    const baseMicros = count === 0 ? 0n : this.#baseMicros(places.records, header.clockOffsetNs);
    const end = wasm.rows(
      places.records,
      count,
      places.running,
      places.rows,
      header.clockOffsetNs,
      baseMicros,
    );
    const listed = wasm.listed.value;
    const memory = new Uint8Array(wasm.memory.buffer);
    let at = writeHeader(out, header, baseMicros);
    const addressesEnd = places.addresses + listed * addressBytes;
    at = writeItems(out, at, listed, memory.subarray(places.addresses, addressesEnd));
    return writeItems(out, at, count, memory.subarray(places.rows, end));
  }

  #baseMicros(records: number, clockOffsetNs: bigint): bigint {
    const view = new DataView(this.#wasm.memory.buffer, records);
    return this.#wasm.wall(view.getBigInt64(flowLayout.time.offset, true), clockOffsetNs);
  }

  /** Where everything of a block of `count` records lies in the module's memory, which grows to it. */
  #place(
    count: number,
  ): Record<"running" | "records" | "addresses" | "table" | "slots" | "rows", number> {
    const listed = count * addressesPerFlow;
    // Half full at most: a search is short.
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * listed)));
    const records = runningTableBytes;
    const addresses = records + count * flowRecordBytes;
    const table = addresses + listed * addressBytes;
    const rows = table + slots * 4;
    const end = rows + count * maxFlowBytes;
    const { memory } = this.#wasm;
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    return { running: 0, records, addresses, table, slots, rows };
  }
}

function writeHeader(out: Uint8Array, header: BlockHeader, baseMicros: bigint): number {
  let at = writeFrame(out, schemas.FlowBlock.id);
  at = writeText(out, at, header.node);
  at = writeText(out, at, header.bootId);
  at = writeLong(out, at, header.block);
  at = writeLong(out, at, Number(baseMicros));
  if (header.rules.length > 0) at = writeLong(out, at, header.rules.length);
  for (const rule of header.rules) {
    at = writeLong(out, at, rule.generation | 0);
    at = writeLong(out, at, rule.rule | 0);
    at = writeText(out, at, rule.text);
  }
  out[at] = 0;
  at = writeProcesses(out, at + 1, header.processes);
  if (header.names.length > 0) at = writeLong(out, at, header.names.length);
  for (const name of header.names) at = writeText(out, at, name);
  out[at] = 0;
  return at + 1;
}

function maxProcessBytes({ comm, executable, container }: FlowProcess): number {
  const texts = [comm, executable, container];
  const textBytes = texts.reduce((sum, text) => sum + 5 + Buffer.byteLength(text), 0);
  return 5 + 2 * maxLongBytes + textBytes;
}

function writeProcesses(out: Uint8Array, start: number, processes: FlowProcess[]): number {
  let at = start;
  if (processes.length > 0) at = writeLong(out, at, processes.length);
  for (const process of processes) {
    at = writeLong(out, at, process.pid | 0);
    at = writeLong(out, at, process.start);
    at = writeText(out, at, process.comm);
    at = writeText(out, at, process.executable);
    at = writeLong(out, at, process.cgroup_id);
    at = writeText(out, at, process.container);
  }
  out[at] = 0;
  return at + 1;
}

/** An array: its count and items in one block, then the end of blocks. */
function writeItems(out: Uint8Array, start: number, count: number, items: Uint8Array): number {
  let at = start;
  if (count > 0) {
    at = writeLong(out, at, count);
    out.set(items, at);
    at += items.length;
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
