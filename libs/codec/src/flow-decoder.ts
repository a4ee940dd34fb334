import { byteReader } from "./byte-reader.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { FlowColumns, FlowDecoder } from "./contract.ts";
import { flowSymbols } from "./flow-layout.ts";
import { checkFrame, frameBytes } from "./frame.ts";
import { schemas } from "./schemas.ts";

/** Shortest encodings of an item: two numbers and an empty text; 23 numbers and two addresses. */
const minRuleBytes = 3;
const minFlowBytes = 23 + 32;

const u8 = 0xff;
const u16 = 0xffff;

/**
 * Decodes blocks of weir.flows.v1 into columns, reusing them from call to call; they are cut to
 * the block's length. Counts are checked against the bytes that are there before anything grows, so
 * a message costs at most about four times its size in memory.
 */
export function createFlowDecoder(): FlowDecoder {
  const { name } = schemas.FlowBlock;
  let full = allocate(256);
  let cut = full;

  const fit = (count: number): FlowColumns => {
    if (count > full.time.length) {
      const grown = allocate(2 ** Math.ceil(Math.log2(count)));
      copyColumns(full, grown);
      full = grown;
    }
    return full;
  };

  return {
    decode(message) {
      checkFrame(schemas.FlowBlock, message);
      const reader = byteReader(name, message, frameBytes);
      const node = reader.text("node");
      const bootId = reader.text("boot_id");
      const block = reader.counter("block");
      const baseMicros = reader.long("base_time");
      const rules = readRules(reader);
      let count = 0;
      reader.blocks("flows", minFlowBytes, (items) => {
        const columns = fit(count + items);
        for (let row = count; row < count + items; row++)
          readFlow(reader, columns, row, baseMicros);
        count += items;
      });
      reader.end();
      if (cut.time.length !== count || cut.time.buffer !== full.time.buffer)
        cut = cutTo(full, count);
      return { ...cut, node, bootId, block, rules, count };
    },
  };
}

function readRules(reader: ByteReader): FlowColumns["rules"] {
  const rules: FlowColumns["rules"] = [];
  reader.blocks("rules", minRuleBytes, (items) => {
    for (let item = 0; item < items; item++) {
      const generation = reader.bits32("rules.generation");
      const rule = reader.bits32("rules.rule");
      rules.push({ generation, rule, text: reader.text("rules.text") });
    }
  });
  return rules;
}

function readFlow(reader: ByteReader, columns: FlowColumns, row: number, baseMicros: number): void {
  columns.time[row] = baseMicros + reader.long("time");
  columns.first[row] = baseMicros + reader.long("first");
  columns.last[row] = baseMicros + reader.long("last");
  columns.sequence[row] = reader.counter("sequence");
  columns.packets[row] = reader.counter("packets");
  columns.bytes[row] = reader.counter("bytes");
  columns.replyPackets[row] = reader.counter("reply_packets");
  columns.replyBytes[row] = reader.counter("reply_bytes");
  reader.copy("src_addr", columns.srcAddr, row * 16, 16);
  reader.copy("dst_addr", columns.dstAddr, row * 16, 16);
  columns.ifindex[row] = reader.bits32("ifindex");
  columns.generation[row] = reader.bits32("generation");
  columns.rule[row] = reader.bits32("rule");
  columns.srcPort[row] = reader.small("src_port", u16);
  columns.dstPort[row] = reader.small("dst_port", u16);
  columns.cpu[row] = reader.small("cpu", u16);
  columns.protocol[row] = reader.small("protocol", u8);
  columns.direction[row] = reader.small("direction", flowSymbols.direction.length - 1);
  columns.verdict[row] = reader.small("verdict", flowSymbols.verdict.length - 1);
  columns.reason[row] = reader.small("reason", flowSymbols.reason.length - 1);
  columns.kind[row] = reader.small("kind", flowSymbols.kind.length - 1);
  columns.flags[row] = reader.small("flags", u8);
  columns.tcpFlags[row] = reader.small("tcp_flags", u8);
  columns.replyTcpFlags[row] = reader.small("reply_tcp_flags", u8);
  columns.connections[row] = reader.small("connections", u8);
}

function allocate(rows: number): FlowColumns {
  const wide = (): Float64Array => new Float64Array(rows);
  const byte = (): Uint8Array => new Uint8Array(rows);
  return {
    node: "",
    bootId: "",
    block: 0,
    rules: [],
    count: 0,
    time: wide(),
    first: wide(),
    last: wide(),
    sequence: wide(),
    packets: wide(),
    bytes: wide(),
    replyPackets: wide(),
    replyBytes: wide(),
    srcAddr: new Uint8Array(rows * 16),
    dstAddr: new Uint8Array(rows * 16),
    ifindex: new Uint32Array(rows),
    generation: new Uint32Array(rows),
    rule: new Uint32Array(rows),
    srcPort: new Uint16Array(rows),
    dstPort: new Uint16Array(rows),
    cpu: new Uint16Array(rows),
    protocol: byte(),
    direction: byte(),
    verdict: byte(),
    reason: byte(),
    kind: byte(),
    flags: byte(),
    tcpFlags: byte(),
    replyTcpFlags: byte(),
    connections: byte(),
  };
}

type Column = Exclude<FlowColumns[keyof FlowColumns], string | number | unknown[]>;

function columnsOf(columns: FlowColumns): [string, Column][] {
  return Object.entries(columns).filter(([, value]) => ArrayBuffer.isView(value));
}

function cutTo(columns: FlowColumns, count: number): FlowColumns {
  const rows = columns.time.length;
  const cut = columnsOf(columns).map(([name, column]) => {
    return [name, column.subarray(0, (column.length / rows) * count)];
  });
  return { ...columns, ...Object.fromEntries(cut) };
}

function copyColumns(from: FlowColumns, to: FlowColumns): void {
  const targets = new Map(columnsOf(to));
  for (const [name, column] of columnsOf(from)) targets.get(name)?.set(column);
}
