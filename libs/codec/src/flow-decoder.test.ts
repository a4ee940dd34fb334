import type avro from "avsc";
import type { FlowColumns } from "./contract.ts";
import { CodecError } from "./error.ts";
import { createFlowDecoder } from "./flow-decoder.ts";
import { createFlowEncoder } from "./flow-encoder.ts";
import { flowSymbols } from "./flow-layout.ts";
import { recordCodec } from "./record-codec.ts";
import { schemas } from "./schemas.ts";
import { blockOf, packRecords, randomFlow, randomLists } from "./testing/flows.ts";
import { random } from "./testing/random.ts";
import { writeLong } from "./varint.ts";

const encoder = createFlowEncoder();

function block(
  seed: number,
  count: number,
): { message: Uint8Array; plain: ReturnType<typeof blockOf> } {
  const chance = random(seed);
  const header = {
    node: chance.text(20),
    bootId: "boot",
    block: seed,
    clockOffsetNs: 1_790_000_000_000_000_321n,
    rules: [{ generation: 2 ** 32 - 1, rule: 3, text: "shop/cart ingress[0]" }],
    ...randomLists(chance),
  };
  const flows = Array.from({ length: count }, () => randomFlow(chance, 10n ** 15n));
  const out = new Uint8Array(encoder.maxBytes(header, count));
  const length = encoder.encode(header, packRecords(flows), count, out);
  return { message: out.slice(0, length), plain: blockOf(header, flows) };
}

/** Columns back to what avsc reads, for comparing. */
function rowsOf(columns: FlowColumns): unknown[] {
  return Array.from({ length: columns.count }, (_, row) => ({
    time: columns.time[row],
    first: columns.first[row],
    last: columns.last[row],
    sequence: columns.sequence[row],
    packets: columns.packets[row],
    bytes: columns.bytes[row],
    reply_packets: columns.replyPackets[row],
    reply_bytes: columns.replyBytes[row],
    src_addr: columns.srcAddrIndex[row],
    dst_addr: columns.dstAddrIndex[row],
    ifindex: columns.ifindex[row],
    generation: columns.generation[row],
    rule: columns.rule[row],
    process: columns.process[row],
    handshake_rtt_us: columns.handshakeRttUs[row],
    srtt_us: columns.srttUs[row],
    retransmits: columns.retransmits[row],
    first_byte_us: columns.firstByteUs[row],
    dns: columns.dns[row],
    src_port: columns.srcPort[row],
    dst_port: columns.dstPort[row],
    cpu: columns.cpu[row],
    protocol: columns.protocol[row],
    direction: flowSymbols.direction[columns.direction[row] as number],
    verdict: flowSymbols.verdict[columns.verdict[row] as number],
    reason: flowSymbols.reason[columns.reason[row] as number],
    kind: flowSymbols.kind[columns.kind[row] as number],
    flags: columns.flags[row],
    tcp_flags: columns.tcpFlags[row],
    reply_tcp_flags: columns.replyTcpFlags[row],
    connections: columns.connections[row],
    close_reason: flowSymbols.close_reason[columns.closeReason[row] as number],
  }));
}

/** What avsc reads, with the differences added up. */
function expected(plain: ReturnType<typeof blockOf>): unknown[] {
  let time = plain.base_time;
  const sequences = new Map<number, number>();
  return plain.flows.map((flow) => ({
    ...flow,
    time: (time += flow.time),
    last: time - flow.last,
    first: time - flow.last - flow.first,
    sequence: sequences.set(flow.cpu, (sequences.get(flow.cpu) ?? 0) + flow.sequence).get(flow.cpu),
    ifindex: flow.ifindex >>> 0,
    generation: flow.generation >>> 0,
    rule: flow.rule >>> 0,
    process: flow.process >>> 0,
    handshake_rtt_us: flow.handshake_rtt_us >>> 0,
    srtt_us: flow.srtt_us >>> 0,
    retransmits: flow.retransmits >>> 0,
    first_byte_us: flow.first_byte_us >>> 0,
    dns: flow.dns >>> 0,
  }));
}

describe("the flow decoder", () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))("gives back random block %i", (seed) => {
    const { message, plain } = block(seed, random(seed).integer(60));
    const columns = createFlowDecoder().decode(message);
    expect(rowsOf(columns)).toEqual(expected(plain));
    expect(columns).toMatchObject({
      node: Buffer.from(plain.node).toString(),
      bootId: "boot",
      block: seed,
    });
    expect(columns.rules).toEqual([
      { generation: 2 ** 32 - 1, rule: 3, text: "shop/cart ingress[0]" },
    ]);
    expect(columns.processes).toEqual(
      plain.processes.map((process) => ({ ...process, pid: process.pid >>> 0 })),
    );
    expect(columns.names).toEqual(plain.names.map((name) => Buffer.from(name).toString()));
  });

  it("serves blocks of any order of sizes with one decoder, columns cut to the block", () => {
    const decoder = createFlowDecoder();
    for (const count of [3, 700, 0, 256, 257, 1, 700]) {
      const { message, plain } = block(count, count);
      const columns = decoder.decode(message);
      expect(rowsOf(columns)).toEqual(expected(plain));
      expect(columns.time).toHaveLength(count);
      expect(columns.srcAddr).toHaveLength(count * 16);
      expect(columns.connections).toHaveLength(count);
    }
  });

  it("takes arrays in several blocks and blocks with their size, as Avro allows", () => {
    const { message, plain } = block(9, 2);
    const frame = message.subarray(0, 5);
    const empty = schemas.FlowBlock.type.toBuffer({ ...plain, flows: [] });
    const head = Buffer.concat([frame, empty.subarray(0, -1)]);
    const items = plain.flows.map((flow) => flowType().toBuffer(flow));
    const one = rowsOf(createFlowDecoder().decode(message));
    const split = items.flatMap((item) => [long(1), item]);
    expect(rowsOf(createFlowDecoder().decode(Buffer.concat([head, ...split, long(0)])))).toEqual(
      one,
    );
    const size = items.reduce((sum, item) => sum + item.length, 0);
    const sized = [head, long(-2), long(size), ...items, long(0)];
    expect(rowsOf(createFlowDecoder().decode(Buffer.concat(sized)))).toEqual(one);
    const lying = [head, long(-2), long(size + 1), ...items, long(0), long(0)];
    expect(() => createFlowDecoder().decode(Buffer.concat(lying))).toThrow(/size is not its items/);
  });

  it("reads a view into a larger buffer", () => {
    const { message, plain } = block(4, 3);
    const larger = Buffer.concat([Buffer.alloc(7, 0xff), message, Buffer.alloc(9, 0xff)]);
    const columns = createFlowDecoder().decode(larger.subarray(7, 7 + message.length));
    expect(rowsOf(columns)).toEqual(expected(plain));
  });
});

function long(value: number): Uint8Array {
  const bytes = new Uint8Array(10);
  return bytes.slice(0, writeLong(bytes, 0, value));
}

function flowType(): avro.Type {
  const flows = (schemas.FlowBlock.type as avro.types.RecordType).field("flows").type;
  return (flows as avro.types.ArrayType).itemsType;
}

describe("the flow decoder refuses", () => {
  const { message } = block(11, 3);
  const sameDecoder = createFlowDecoder();
  const refusal = (bytes: Uint8Array): CodecError => {
    try {
      sameDecoder.decode(bytes);
    } catch (error) {
      if (error instanceof CodecError) return error;
      throw error;
    }
    throw new Error("the decoder took it");
  };
  const patched = (offset: number, ...bytes: number[]): Uint8Array => {
    const copy = Uint8Array.from(message);
    copy.set(bytes, offset);
    return copy;
  };
  /** Up to the count of `rules`: frame, node, boot id, block, base time. */
  const upToRules = Buffer.concat([
    message.subarray(0, 5),
    long(1),
    Buffer.from("n"),
    long(1),
    Buffer.from("b"),
    long(0),
    long(0),
  ]);

  it("a message cut off at any byte", () => {
    for (let length = 0; length < message.length; length++) {
      const error = refusal(message.subarray(0, length));
      expect(error.offset).toBeGreaterThanOrEqual(0);
      expect(error.offset).toBeLessThanOrEqual(length);
    }
  });

  it("a byte too many", () => {
    const error = refusal(Buffer.concat([message, Buffer.from([0])]));
    expect(error).toMatchObject({
      offset: message.length,
      message: expect.stringMatching(/1 bytes follow the record/),
    });
  });

  it("a message too large to be a block", () => {
    const large = new Uint8Array((16 << 20) + 1);
    large.set(message);
    expect(refusal(large)).toMatchObject({
      offset: 16 << 20,
      message: expect.stringMatching(/a block has at most 16777216/),
    });
  });

  it("another magic byte", () => {
    expect(refusal(patched(0, 1))).toMatchObject({ offset: 0 });
  });

  it("an unknown schema id, naming it", () => {
    expect(refusal(patched(1, 0, 0, 1, 2))).toMatchObject({
      offset: 1,
      message: expect.stringMatching(/schema id 258,/),
    });
  });

  it("another topic's record", () => {
    const suggestion = {
      namespace: "a",
      workload: "b",
      created: 1,
      from: 0,
      text: "",
      left_out: [],
    };
    const other = recordCodec("Suggestion").encode(suggestion);
    expect(refusal(other).message).toMatch(/another topic's message/);
  });

  it.each([
    [
      "a count past what is left",
      [long(0), long(0), long(0), long(0), long(1_000_000)],
      /flows: counts 1000000 items, at most 0/,
    ],
    ["a count of 2^53-1", [long(0), long(0), long(0), long(0), long(2 ** 53 - 2)], /flows: counts/],
    [
      "a negative count without the bytes",
      [long(0), long(0), long(0), long(0), long(-3), long(165)],
      /flows: counts 3 items/,
    ],
    ["processes past what is left", [long(0), long(2), long(4)], /processes: counts 2 items/],
    ["names past what is left", [long(0), long(0), long(2)], /names: counts 2 items/],
    [
      "addresses past what is left",
      [long(0), long(0), long(0), long(2), long(16)],
      /addresses: counts 2 items/,
    ],
    [
      "a negative count with a negative size",
      [long(0), long(0), long(0), long(-3), long(-165)],
      /-165 is negative/,
    ],
    ["too many rules", [long(400), long(0)], /rules: counts 400 items/],
    ["a number past 64 bits", [long(0), new Uint8Array(12).fill(0xff)], /number past 2\^53/],
  ])("%s", (_, parts, expectedText) => {
    const error = refusal(Buffer.concat([upToRules, ...parts]));
    expect(error.message).toMatch(expectedText);
    expect(error.offset).toBeGreaterThanOrEqual(upToRules.length);
  });

  it.each([
    ["a negative text length", [long(-1)], /node: -1 is negative/],
    ["a text past the end", [long(2 ** 40)], /node: needs 1099511627776 bytes/],
  ])("%s", (_, parts, expectedText) => {
    expect(refusal(Buffer.concat([message.subarray(0, 5), ...parts])).message).toMatch(
      expectedText,
    );
  });

  it("or reads whatever else is thrown at it as avsc does, and nothing in between", () => {
    const chance = random(99);
    const decoder = createFlowDecoder();
    let taken = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = Uint8Array.from(message);
      for (let flips = chance.integer(4); flips >= 0; flips--) {
        bytes[5 + chance.integer(bytes.length - 5)] = chance.integer(256);
      }
      try {
        const columns = decoder.decode(bytes);
        const plain = schemas.FlowBlock.type.fromBuffer(Buffer.from(bytes.subarray(5)));
        expect(rowsOf(columns)).toEqual(expected(plain));
        taken++;
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
      }
    }
    expect(taken).toBeGreaterThan(1000);
    // Whatever it has seen, it has forgotten.
    const { message: next, plain } = block(12, 30);
    expect(rowsOf(decoder.decode(next))).toEqual(expected(plain));
  });
});
