import { flowLayout, flowRecordBytes, flowSymbols, formatAddress } from "@weir/codec";
import { createFlowNames, createFlowProcesses, odometerMapsOf } from "@weir/collector";
import { AnsweredNames, readDnsAnswer } from "@weir/identity";
import { BpfObject, RingReader, testRun } from "libbpf-ts";
import type { BpfProgram } from "libbpf-ts";
import { percentile, result } from "./result.ts";
import type { Bench, Result } from "./result.ts";

const programs = new URL("../../../bpf/build/flow.bpf.o", import.meta.url).pathname;
const rowsPerBlock = 4096;
const clients = 64;
const addressesPerClient = 500;
/** Rounds that nothing else on the machine has held up. */
const calm = 0.1;
/** Packets of a test run come from the loopback device. */
const loopback = 1;
const second = 1_000_000_000n;

function addressOf(client: number, number: number): Uint8Array {
  return Uint8Array.of(...Array(10).fill(0), 255, 255, 203, client, number >> 8, number & 255);
}

/** A full table, as on a busy node. */
function fullTable(): AnsweredNames {
  const names = new AnsweredNames({
    ...{ maxEntries: 32_768, maxEntriesPerClient: 4096, minTtlMs: 60_000, maxTtlMs: 3_600_000 },
  });
  for (let client = 0; client < clients; client++) {
    for (let number = 0; number < addressesPerClient; number++) {
      const addresses = [{ address: addressOf(client, number), ttlSeconds: 3600 }];
      names.learn(client, 0, { name: `host-${number % 300}.example`, addresses, leftOut: 0 });
    }
  }
  return names;
}

/** A block's records: half to addresses that were asked for, of 200 processes. */
function blockOf(): Uint8Array {
  const records = new Uint8Array(rowsPerBlock * flowRecordBytes);
  const view = new DataView(records.buffer);
  for (let row = 0; row < rowsPerBlock; row++) {
    const at = row * flowRecordBytes;
    const mixed = Math.imul(row, 2_654_435_761) >>> 0;
    view.setBigUint64(at + flowLayout.first.offset, second, true);
    view.setUint32(at + flowLayout.ifindex.offset, mixed % clients, true);
    const number = (mixed >>> 8) % (2 * addressesPerClient);
    records.set(addressOf(mixed % clients, number), at + flowLayout.dst_addr.offset);
    records[at + flowLayout.direction.offset] = flowSymbols.direction.indexOf("egress");
  }
  return records;
}

function setProcesses(records: Uint8Array): void {
  const view = new DataView(records.buffer);
  for (let row = 0; row < rowsPerBlock; row++) {
    const key = (BigInt(1 + ((row >> 2) % 200)) << 22n) | 4_000_000n;
    view.setBigUint64(row * flowRecordBytes + flowLayout.process.offset, key, true);
  }
}

/** The same by a map with a text for each flow. */
function nameByMap(records: Uint8Array, names: Map<string, string>): number {
  const view = new DataView(records.buffer);
  const listed = new Map<string, number>();
  for (let row = 0; row < rowsPerBlock; row++) {
    const at = row * flowRecordBytes;
    const ifindex = view.getUint32(at + flowLayout.ifindex.offset, true);
    const address = formatAddress(records, at + flowLayout.dst_addr.offset);
    const name = names.get(`${ifindex} ${address}`);
    if (name !== undefined && !listed.has(name)) listed.set(name, listed.size);
  }
  return listed.size;
}

function perRound(rounds: number, of: number, work: () => void): number {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = performance.now();
    work();
    // The first round compiles.
    if (round > 0) times.push(((performance.now() - before) * 1e6) / of);
  }
  return percentile(times, calm);
}

function measureNames(rounds: number): Result[] {
  const table = fullTable();
  const [flowNames, records] = [createFlowNames(table), blockOf()];
  const plain = new Map<string, string>();
  for (let client = 0; client < clients; client++)
    for (let number = 0; number < addressesPerClient; number++)
      plain.set(
        `${client} ${formatAddress(addressOf(client, number))}`,
        `host-${number % 300}.example`,
      );
  const ns = perRound(rounds, rowsPerBlock, () => flowNames.into(records, rowsPerBlock));
  const baseline = perRound(rounds, rowsPerBlock, () => nameByMap(records, plain));
  return [result("names", "name-per-flow", ns, "ns", baseline)];
}

function measureProcesses(rounds: number): Result[] {
  const records = blockOf();
  const known = { cgroup_id: 1n, pid: 0, comm: new Uint8Array(16) };
  const options = { maxProcesses: 8192, maxReadsPerBlock: 256 };
  const processes = createFlowProcesses({ lookUp: () => known, ...options });
  const ns = perRound(rounds, rowsPerBlock, () => {
    setProcesses(records);
    processes.into(records, rowsPerBlock);
  });
  const empty = perRound(rounds, rowsPerBlock, () => setProcesses(records));
  return [result("names", "process-per-flow", Math.max(0, ns - empty), "ns", null)];
}

/** An answer with one alias and two addresses. */
function answerBytes(): Uint8Array {
  const name = (text: string): number[] => [
    ...text.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]),
    0,
  ];
  const record = (type: number, data: number[]): number[] => [
    ...[0xc0, type === 5 ? 12 : 46, 0, type, 0, 1, 0, 0, 0, 60],
    ...[data.length >> 8, data.length & 255],
    ...data,
  ];
  return Uint8Array.of(
    ...[0, 7, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0],
    ...[...name("api.shop.example"), 0, 1, 0, 1],
    ...record(5, name("edge7.cdn.example")),
    ...record(1, [203, 0, 113, 7]),
    ...record(1, [203, 0, 113, 8]),
  );
}

function measureAnswers(rounds: number): Result[] {
  const message = answerBytes();
  const table = fullTable();
  const count = 2000;
  const ns = perRound(rounds, count, () => {
    for (let at = 0; at < count; at++) {
      const answer = readDnsAnswer(message);
      if (typeof answer === "string") throw new Error(`the bench's answer is ${answer}`);
      table.learn(at % clients, 1000 + at, answer);
    }
  });
  return [result("names", "answer-read", ns, "ns", null)];
}

/** UDP over IPv4 in Ethernet. */
function datagram(isAnswer: boolean, payload: Uint8Array, port = 53): Uint8Array {
  const packet = new Uint8Array(42 + payload.length);
  const view = new DataView(packet.buffer);
  const [workload, server] = [
    [10, 1, 0, 1],
    [10, 1, 0, 53],
  ] as const;
  view.setUint16(12, 0x0800);
  packet.set([0x45, 0], 14);
  view.setUint16(16, packet.length - 14);
  packet.set([64, 17], 22);
  packet.set(isAnswer ? [...server, ...workload] : [...workload, ...server], 26);
  view.setUint16(34, isAnswer ? port : 5353);
  view.setUint16(36, isAnswer ? 5353 : port);
  view.setUint16(38, 8 + payload.length);
  packet.set(payload, 42);
  return packet;
}

/** Runs between two drains: the ring is never full. */
const runsPerDrain = 1000;

function packetNs(program: BpfProgram, packet: Uint8Array, ring: RingReader): number {
  const [buffer, offsets] = [new Uint8Array(1 << 20), new Uint32Array(runsPerDrain + 1)];
  const times = Array.from({ length: 101 }, () => {
    const { durationNs } = testRun(program, { dataIn: packet, repeat: runsPerDrain });
    while (ring.drainVariable(buffer, offsets) > 0);
    return durationNs;
  });
  return percentile(times, calm);
}

/** A DNS answer, and any other datagram, on their way to the workload; baseline: switched off. */
function measurePackets(): Result[] {
  const answer = datagram(true, answerBytes());
  const other = datagram(true, answerBytes(), 5300);
  const measured = [0, 1].map((keep) => {
    using object = BpfObject.open(programs, {
      settings: { keep_answers: keep },
      maps: { flows: { maxEntries: 4096 } },
    }).load();
    using ring = new RingReader(object.map("answers"));
    odometerMapsOf(object).open(loopback);
    const [from, to] = [object.program("from_workload"), object.program("to_workload")];
    testRun(from, { dataIn: datagram(false, answerBytes()) });
    testRun(from, { dataIn: datagram(false, answerBytes(), 5300) });
    return { answer: packetNs(to, answer, ring), other: packetNs(to, other, ring) };
  });
  const [off, on] = measured;
  return [
    result("names", "answer-packet", on?.answer ?? 0, "ns", off?.answer ?? null),
    result("names", "other-packet", on?.other ?? 0, "ns", off?.other ?? null),
  ];
}

function run({ quick }: { quick: boolean }): Promise<Result[]> {
  const rounds = quick ? 21 : 201;
  return Promise.resolve([
    ...measureNames(rounds),
    ...measureProcesses(rounds),
    ...measureAnswers(rounds),
    ...measurePackets(),
  ]);
}

export const names: Bench = {
  name: "names",
  about: "what names and processes cost: a flow, an answer read, a packet in the kernel",
  run,
};
