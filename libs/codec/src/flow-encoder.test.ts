import type { BlockHeader } from "./contract.ts";
import { createFlowEncoder } from "./flow-encoder.ts";
import { flowRecordBytes } from "./flow-layout.ts";
import { schemas } from "./schemas.ts";
import type { KernelFlow } from "./testing/flows.ts";
import { blockOf, packRecords, randomFlow, randomLists } from "./testing/flows.ts";
import { random } from "./testing/random.ts";

const clockOffsetNs = 1_790_000_000_123_456_789n;
const header: BlockHeader = {
  ...{ node: "node-1", bootId: "b0", block: 7, clockOffsetNs },
  ...{ rules: [], processes: [], names: [] },
};
const encoder = createFlowEncoder();

function encode(of: BlockHeader, flows: KernelFlow[]): Buffer {
  const out = new Uint8Array(encoder.maxBytes(of, flows.length));
  const length = encoder.encode(of, packRecords(flows), flows.length, out);
  return Buffer.from(out.buffer, 0, length);
}

/** avsc's own encoding, in the frame. */
function oracle(of: BlockHeader, flows: KernelFlow[]): Buffer {
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(schemas.FlowBlock.id, 1);
  return Buffer.concat([frame, schemas.FlowBlock.type.toBuffer(blockOf(of, flows))]);
}

const largest = 2n ** 53n - 2n;
const all = (flow: KernelFlow, value: bigint): KernelFlow =>
  Object.fromEntries(
    Object.entries(flow).map(([name, old]) => [name, typeof old === "bigint" ? value : old]),
  ) as KernelFlow;

describe("the flow encoder writes what avsc writes, byte for byte", () => {
  it.each(Array.from({ length: 200 }, (_, seed) => seed))("random block %i", (seed) => {
    const chance = random(seed);
    const around = chance.pick([2n ** 36n, 10n ** 15n, 2n ** 53n, 2n ** 60n]);
    const of: BlockHeader = {
      node: chance.text(40),
      bootId: chance.text(40),
      block: Number(chance.bits64() % 2n ** 53n),
      clockOffsetNs: clockOffsetNs - BigInt(chance.integer(1e9)),
      rules: Array.from({ length: chance.integer(4) }, () => ({
        generation: chance.integer(2 ** 32),
        rule: chance.integer(2 ** 32),
        text: chance.text(120),
      })),
      ...randomLists(chance),
    };
    of.block = Math.min(of.block, 2 ** 53 - 2);
    const flows = Array.from({ length: chance.integer(40) }, () => randomFlow(chance, around));
    expect(encode(of, flows)).toEqual(oracle(of, flows));
  });

  const ordinary = randomFlow(random(1), 10n ** 15n);

  it("of no flows at all", () => {
    expect(encode(header, [])).toEqual(oracle(header, []));
  });

  it("of zeros", () => {
    expect(encode(header, [all(ordinary, 0n)])).toEqual(oracle(header, [all(ordinary, 0n)]));
  });

  it.each([
    1n,
    63n,
    64n,
    65n,
    8191n,
    8192n,
    2n ** 29n,
    2n ** 30n,
    2n ** 31n,
    2n ** 52n,
    2n ** 53n - 2n,
  ])("of counters of %s", (value) => {
    const flow = {
      ...ordinary,
      sequence: value,
      packets: value,
      bytes: value,
      reply_packets: value,
    };
    expect(encode(header, [flow])).toEqual(oracle(header, [flow]));
  });

  it("of counters past what Avro carries: they stop at 2^53-2", () => {
    const flow = {
      ...ordinary,
      packets: 2n ** 53n - 1n,
      bytes: 2n ** 64n - 1n,
      reply_bytes: 2n ** 53n,
    };
    expect(encode(header, [flow])).toEqual(oracle(header, [flow]));
    expect(blockOf(header, [flow]).flows[0]).toMatchObject({
      packets: 2 ** 53 - 2,
      bytes: 2 ** 53 - 2,
    });
  });

  it("of times before and after the base, rounded down on the wall's microseconds", () => {
    const base = 10n ** 15n + 999n;
    const flows = [
      0n,
      -1n,
      1n,
      -999n,
      -1000n,
      -1001n,
      1000n,
      3_600_000_000_000n,
      -3_600_000_000_000n,
    ].map((delta) => ({ ...ordinary, time: base + delta, first: base - delta, last: base }));
    expect(encode(header, flows)).toEqual(oracle(header, flows));
  });

  it("after 200 days of uptime, where nanoseconds are no exact doubles", () => {
    const base = 200n * 86_400n * 10n ** 9n + 1n;
    const flows = [0n, 1n, -1n, 998n, 999n, 1000n].map((delta) => ({
      ...ordinary,
      time: base + delta,
    }));
    expect(encode(header, flows)).toEqual(oracle(header, flows));
  });

  it("of times that make no sense: they stop at the ends of the range", () => {
    const flows = [
      ordinary,
      {
        ...ordinary,
        time: 2n ** 63n - 2n * 10n ** 18n,
        first: 0n,
        last: 2n ** 64n - 2n * 10n ** 18n,
      },
    ];
    const decoded = schemas.FlowBlock.type.fromBuffer(encode(header, flows).subarray(5));
    expect(decoded.base_time + decoded.flows[1].time).toBe(2 ** 52 - 1);
    expect(decoded.base_time + decoded.flows[1].time - decoded.flows[1].last).toBe(0);
  });

  it("of texts with half a surrogate pair: they stay UTF-8", () => {
    const half = encode({ ...header, node: "a\ud800b", bootId: "\udc00" }, []);
    expect(half).toEqual(oracle({ ...header, node: "a\ufffdb", bootId: "\ufffd" }, []));
  });

  it("of enum values without a symbol: they are unknown", () => {
    const flow = {
      ...ordinary,
      direction: 3n,
      verdict: 200n,
      reason: 10n,
      kind: 255n,
      close_reason: 9n,
    };
    expect(encode(header, [flow])).toEqual(oracle(header, [flow]));
  });
});

describe("the flow encoder's bounds", () => {
  const flows = Array.from({ length: 5 }, (_, seed) => ({
    ...randomFlow(random(seed), 10n ** 15n),
    sequence: largest,
    packets: largest,
    bytes: largest,
    reply_packets: largest,
    reply_bytes: largest,
    ifindex: 2n ** 31n,
    generation: 2n ** 31n,
    rule: 2n ** 31n,
    process: 2n ** 31n,
    handshake_rtt_us: 2n ** 31n,
    srtt_us: 2n ** 31n,
    retransmits: 2n ** 31n,
    first_byte_us: 2n ** 31n,
    dns: 2n ** 31n,
    src_port: 65535n,
    dst_port: 65535n,
    cpu: 65535n,
    protocol: 255n,
    flags: 255n,
    tcp_flags: 255n,
    reply_tcp_flags: 255n,
    connections: 255n,
  }));

  it("never needs more than maxBytes", () => {
    const wide: BlockHeader = {
      ...header,
      node: "語".repeat(50),
      rules: [{ generation: 2 ** 31, rule: 2 ** 32 - 1, text: "😀".repeat(80) }],
      processes: [
        {
          ...{ pid: 2 ** 32 - 1, start: 2 ** 53 - 2, cgroup_id: 2 ** 53 - 2 },
          ...{ comm: "語".repeat(5), executable: "/語".repeat(90), container: "c".repeat(64) },
        },
      ],
      names: ["語".repeat(80)],
    };
    const late = flows.map((flow) => ({ ...flow, first: 2n ** 64n - 1n, last: 2n ** 64n - 1n }));
    expect(encode(wide, late).length).toBeLessThanOrEqual(encoder.maxBytes(wide, flows.length));
  });

  it("refuses an output that might be too small, before it writes", () => {
    const out = new Uint8Array(encoder.maxBytes(header, 5) - 1).fill(7);
    expect(() => encoder.encode(header, packRecords(flows), 5, out)).toThrow(RangeError);
    expect(out.every((byte) => byte === 7)).toBe(true);
  });

  it("refuses a count past the records given", () => {
    const out = new Uint8Array(encoder.maxBytes(header, 6));
    expect(() => encoder.encode(header, packRecords(flows), 6, out)).toThrow(
      /6 records are 912 bytes/,
    );
  });

  it("reads records and writes output at any alignment", () => {
    const records = new Uint8Array(flows.length * flowRecordBytes + 3);
    records.set(packRecords(flows), 3);
    const out = new Uint8Array(encoder.maxBytes(header, 5) + 1).subarray(1);
    const length = encoder.encode(header, records.subarray(3), 5, out);
    expect(Buffer.from(out.subarray(0, length))).toEqual(oracle(header, flows));
  });
});
