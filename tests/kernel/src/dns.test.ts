import { RingReader, sumPerCpu } from "libbpf-ts";
import { Datapath, drop, loopback, pass } from "./datapath.ts";
import {
  concat,
  fragmentExtension,
  ethernet,
  frame,
  ipv6,
  protocol,
  tcp,
  tcpFlag,
} from "./frame.ts";
import type { Ip } from "./frame.ts";

const workload4 = "10.1.0.1";
const server4 = "10.1.0.53";
const workload6 = "fd00::1";
const server6 = "fd00::53";

/** The programs look at no byte of it. */
const message = Uint8Array.from({ length: 61 }, (_, index) => 255 - index);

function datagram(source: number, destination: number, payload: Uint8Array): Uint8Array {
  const lengths = [8 + payload.length].flatMap((one) => [one >> 8, one & 0xff]);
  const ports = [source, destination].flatMap((one) => [one >> 8, one & 0xff]);
  return concat(ports, lengths, [0, 0], payload);
}

const question4: Ip = {
  ...{ src: workload4, dst: server4, protocol: protocol.udp },
  payload: datagram(5353, 53, message.subarray(0, 29)),
};
const answer4: Ip = {
  ...{ src: server4, dst: workload4, protocol: protocol.udp },
  payload: datagram(53, 5353, message),
};

class AnswerBed implements Disposable {
  readonly datapath: Datapath;
  readonly ring: RingReader;

  constructor(settings: Record<string, number | bigint> = {}) {
    this.datapath = new Datapath({ settings: { keep_answers: 1, ...settings } });
    this.ring = new RingReader(this.datapath.object.map("answers"));
  }

  kept(): { ifindex: number; time: bigint; message: Uint8Array }[] {
    const buffer = new Uint8Array(1 << 20);
    const offsets = new Uint32Array(4097);
    const count = this.ring.drainVariable(buffer, offsets);
    return Array.from({ length: count }, (_, index) => {
      const record = Buffer.from(buffer.subarray(offsets[index], offsets[index + 1]));
      const bytes = record.readUInt32LE(12);
      return {
        time: record.readBigUInt64LE(0),
        ifindex: record.readUInt32LE(8),
        // The ring fills a record up to 8 bytes.
        message: Uint8Array.from(record.subarray(16, 16 + bytes)),
      };
    });
  }

  count(what: "KEPT" | "RING_FULL" | "UNFIT" | "OVER_BUDGET"): number {
    const { object } = this.datapath;
    const index = Number(object.btf.enum("weir_answers").values.get(`WEIR_ANSWERS_${what}`));
    const map = object.map("answer_counts");
    const value = new Uint8Array(map.valueBytes);
    map.lookupInto(Uint8Array.from(Buffer.from(new Uint32Array([index]).buffer)), value);
    return Number(sumPerCpu(value, 8, new BigUint64Array(1))[0]);
  }

  [Symbol.dispose](): void {
    this.ring.close();
    this.datapath[Symbol.dispose]();
  }
}

describe("DNS answers to a workload that asked", () => {
  let shared: AnswerBed;
  beforeAll(() => (shared = new AnswerBed()));
  afterAll(() => shared[Symbol.dispose]());

  it.each([
    ["IPv4", frame(question4), frame(answer4)],
    ["IPv4 with options", frame(question4), frame({ ...answer4, options: Array(8).fill(1) })],
    ["in a tagged frame", frame(question4), frame(answer4, [5])],
    [
      "IPv6",
      frame({ ...question4, src: workload6, dst: server6 }),
      frame({ ...answer4, src: server6, dst: workload6 }),
    ],
    [
      "IPv6 with an extension header",
      frame({ ...question4, src: workload6, dst: server6 }),
      ethernet(
        0x86dd,
        ipv6({ ...answer4, src: server6, dst: workload6 }, [[0, [0, 0, 1, 4, 0, 0, 0, 0]]]),
      ),
    ],
  ])("are copied byte by byte: %s", (_name, question, answer) => {
    const before = shared.count("KEPT");
    expect(shared.datapath.from(question)).toBe(pass);
    expect(shared.datapath.to(answer)).toBe(pass);
    const [kept, ...more] = shared.kept();
    expect([kept?.ifindex, kept?.message, more]).toEqual([loopback, message, []]);
    const [flow] = shared.datapath.records();
    expect(flow).toMatchObject({ packets: 1, replyPackets: 1 });
    expect([shared.count("KEPT") - before, shared.count("UNFIT")]).toEqual([1, 0]);
  });

  it("and nothing else is", () => {
    using bed = new AnswerBed();
    const { datapath } = bed;
    // Nobody asked.
    datapath.to(frame(answer4));
    // Another port, another protocol.
    const other = { ...question4, payload: datagram(5354, 54, message.subarray(0, 29)) };
    datapath.from(frame(other));
    datapath.to(frame({ ...answer4, payload: datagram(54, 5354, message) }));
    const tcp4 = { ...question4, protocol: protocol.tcp };
    datapath.from(frame({ ...tcp4, payload: tcp(5355, 53, tcpFlag.syn) }));
    datapath.to(
      frame({ ...answer4, protocol: protocol.tcp, payload: tcp(53, 5355, tcpFlag.ack, 60) }),
    );
    // The workload is the server.
    datapath.to(frame({ ...question4, src: server4, dst: workload4 }));
    datapath.from(frame({ ...answer4, src: workload4, dst: server4 }));
    expect(bed.kept()).toEqual([]);
    expect([bed.count("KEPT"), bed.count("UNFIT")]).toEqual([0, 0]);
  });

  it("not the first part of one in fragments", () => {
    using bed = new AnswerBed();
    const ends = { src: server6, dst: workload6, protocol: protocol.udp };
    bed.datapath.from(frame({ ...question4, src: workload6, dst: server6 }));
    const payload = datagram(53, 5353, message).subarray(0, 48);
    bed.datapath.to(ethernet(0x86dd, ipv6({ ...ends, payload }, [fragmentExtension(9, 0, true)])));
    expect(bed.kept()).toEqual([]);
  });

  it("what a record does not hold is counted, and delivered all the same", () => {
    using bed = new AnswerBed();
    bed.datapath.from(frame(question4));
    for (const bytes of [0, 11, 1473])
      expect(
        bed.datapath.to(frame({ ...answer4, payload: datagram(53, 5353, new Uint8Array(bytes)) })),
      ).toBe(pass);
    expect(bed.count("UNFIT")).toBe(3);
    for (const bytes of [12, 1472])
      bed.datapath.to(frame({ ...answer4, payload: datagram(53, 5353, new Uint8Array(bytes)) }));
    expect(bed.kept().map((one) => one.message.length)).toEqual([12, 1472]);
    expect(bed.count("UNFIT")).toBe(3);
  });

  it("what finds no room is counted, and delivered all the same", () => {
    using bed = new AnswerBed();
    bed.datapath.from(frame(question4));
    const large = frame({ ...answer4, payload: datagram(53, 5353, new Uint8Array(1472)) });
    for (let sent = 0; sent < 200; sent++) expect(bed.datapath.to(large)).toBe(pass);
    const kept = bed.kept().length;
    expect(kept).toBeGreaterThan(100);
    expect([bed.count("KEPT"), bed.count("RING_FULL")]).toEqual([kept, 200 - kept]);
  });

  it("of one interface not more than its share, counted", () => {
    using bed = new AnswerBed({ answer_interval_ns: 1n << 40n, answer_burst_ns: 10n << 40n });
    bed.datapath.from(frame(question4));
    for (let sent = 0; sent < 30; sent++) expect(bed.datapath.to(frame(answer4))).toBe(pass);
    expect(bed.kept()).toHaveLength(10);
    expect([bed.count("KEPT"), bed.count("OVER_BUDGET")]).toEqual([10, 20]);
  });

  it("not of a question that was denied", () => {
    using bed = new AnswerBed();
    bed.datapath.enforce({
      mode: "enforce",
      generation: 1,
      endpoints: [{ ifindex: loopback, egress: 100 }],
    });
    expect(bed.datapath.from(frame(question4))).toBe(drop);
    bed.datapath.to(frame(answer4));
    expect(bed.kept()).toEqual([]);
  });

  it("none at all where it is switched off", () => {
    using bed = new AnswerBed({ keep_answers: 0 });
    bed.datapath.from(frame(question4));
    bed.datapath.to(frame(answer4));
    expect([bed.kept(), bed.count("KEPT")]).toEqual([[], 0]);
  });
});
