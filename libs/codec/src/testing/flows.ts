import type { BlockHeader } from "../contract.ts";
import type { Flow, FlowBlock } from "../events.ts";
import { flowLayout, flowRecordBytes, flowSymbols } from "../flow-layout.ts";
import type { Random } from "./random.ts";

/** One struct weir_flow_record as values; 64-bit ones as the kernel has them. */
export type KernelFlow = Record<
  Exclude<keyof typeof flowLayout, "src_addr" | "dst_addr">,
  bigint
> & { src_addr: Uint8Array; dst_addr: Uint8Array };

export function packRecords(flows: KernelFlow[]): Uint8Array {
  const bytes = new Uint8Array(flows.length * flowRecordBytes);
  flows.forEach((flow, index) => {
    for (const [name, { offset, bytes: size }] of Object.entries(flowLayout)) {
      const value = flow[name as keyof KernelFlow];
      const at = index * flowRecordBytes + offset;
      if (typeof value !== "bigint") bytes.set(value, at);
      else for (let n = 0; n < size; n++) bytes[at + n] = Number((value >> BigInt(8 * n)) & 0xffn);
    }
  });
  return bytes;
}

/** Differ in single bits of either half. */
const someAddresses = [0, 1, 7, 8, 15].map((at) => new Uint8Array(16).fill(1, at, at + 1));

/** Items of a block's lists of processes and names; flows refer to them. */
const listed = 3;

export function randomLists(random: Random): Pick<BlockHeader, "processes" | "names"> {
  const items = Array.from({ length: listed }, (_, at) => at);
  const counter = (): number => Number(random.bits64() % 2n ** 52n);
  return {
    processes: items.map(() => ({
      pid: random.integer(2 ** 32),
      start: counter(),
      comm: random.text(16),
      executable: random.text(80),
      cgroup_id: counter(),
      container: random.text(64),
    })),
    names: items.map(() => random.text(250)),
  };
}

export function randomFlow(random: Random, around: bigint): KernelFlow {
  const below = (limit: number): bigint => BigInt(random.integer(limit));
  const near = (): bigint => BigInt.asUintN(64, around + below(2 ** 36) - 2n ** 35n);
  const bits32 = (): bigint => random.bits64() & 0xffffffffn;
  return {
    time: near(),
    first: near(),
    last: near(),
    sequence: random.bits64(),
    packets: random.bits64(),
    bytes: random.bits64(),
    reply_packets: random.bits64(),
    reply_bytes: random.bits64(),
    src_addr: random.pick([random.bytes(16), ...someAddresses]),
    dst_addr: random.pick([random.bytes(16), ...someAddresses]),
    ifindex: bits32(),
    generation: bits32(),
    rule: bits32(),
    process: below(listed + 1),
    handshake_rtt_us: bits32(),
    srtt_us: bits32(),
    retransmits: bits32(),
    first_byte_us: bits32(),
    dns: below(listed + 1),
    src_port: below(65536),
    dst_port: random.pick([0n, 53n, 443n, 65535n]),
    cpu: random.pick([0n, 1n, 7n, 65535n, below(65536)]),
    protocol: below(256),
    direction: below(flowSymbols.direction.length),
    verdict: below(flowSymbols.verdict.length),
    reason: below(flowSymbols.reason.length),
    kind: below(flowSymbols.kind.length),
    flags: below(256),
    tcp_flags: below(256),
    reply_tcp_flags: below(256),
    connections: below(256),
    close_reason: below(flowSymbols.close_reason.length),
  };
}

const largest = 2n ** 53n - 2n;
/** Where differences must fit as well. */
const largestTerm = 2n ** 52n - 1n;

function held(value: bigint, most: bigint): bigint {
  if (value < 0n) return 0n;
  return value > most ? most : value;
}

/** What avsc is to encode for these records: the same meaning, written the slow and obvious way. */
export function blockOf(header: BlockHeader, flows: KernelFlow[]): FlowBlock {
  const wall = (time: bigint): bigint =>
    held(BigInt.asIntN(64, time + header.clockOffsetNs), 2n ** 64n) / 1000n;
  const micros = (time: bigint): bigint => held(wall(time), largestTerm);
  const signed = (value: bigint): number => Number(BigInt.asIntN(32, value));
  const base = flows[0] === undefined ? 0n : micros(flows[0].time);
  const addresses: Buffer[] = [];
  const indexOf = (bytes: Uint8Array): number => {
    const known = addresses.findIndex((one) => one.equals(bytes));
    return known === -1 ? addresses.push(Buffer.from(bytes)) - 1 : known;
  };
  const sequences = new Map<bigint, bigint>();
  let before = base;
  return {
    node: header.node,
    boot_id: header.bootId,
    block: header.block,
    base_time: Number(base),
    rules: header.rules.map((rule) => ({
      generation: rule.generation | 0,
      rule: rule.rule | 0,
      text: rule.text,
    })),
    processes: header.processes.map((process) => ({ ...process, pid: process.pid | 0 })),
    names: header.names,
    addresses,
    flows: flows.map((flow): Flow => {
      const numbers = Object.fromEntries(
        Object.entries(flow).map(([name, value]) => [
          name,
          typeof value === "bigint" ? Number(held(value, largest)) : value,
        ]),
      ) as unknown as Flow;
      const time = micros(flow.time);
      const sequence = held(flow.sequence, largestTerm);
      const row: Flow = {
        ...numbers,
        time: Number(time - before),
        last: Number(time - micros(flow.last)),
        first: Number(micros(flow.last) - micros(flow.first)),
        sequence: Number(sequence - (sequences.get(flow.cpu) ?? 0n)),
        src_addr: indexOf(flow.src_addr),
        dst_addr: indexOf(flow.dst_addr),
        ifindex: signed(flow.ifindex),
        generation: signed(flow.generation),
        rule: signed(flow.rule),
        direction: flowSymbols.direction[Number(flow.direction)] ?? "unknown",
        verdict: flowSymbols.verdict[Number(flow.verdict)] ?? "unknown",
        reason: flowSymbols.reason[Number(flow.reason)] ?? "unknown",
        kind: flowSymbols.kind[Number(flow.kind)] ?? "unknown",
        process: signed(flow.process),
        handshake_rtt_us: signed(flow.handshake_rtt_us),
        srtt_us: signed(flow.srtt_us),
        retransmits: signed(flow.retransmits),
        first_byte_us: signed(flow.first_byte_us),
        dns: signed(flow.dns),
        close_reason: flowSymbols.close_reason[Number(flow.close_reason)] ?? "none",
      };
      before = time;
      sequences.set(flow.cpu, sequence);
      return row;
    }),
  };
}
