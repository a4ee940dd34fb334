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
    src_addr: random.bytes(16),
    dst_addr: random.bytes(16),
    ifindex: bits32(),
    generation: bits32(),
    rule: bits32(),
    src_port: below(65536),
    dst_port: random.pick([0n, 53n, 443n, 65535n]),
    cpu: below(65536),
    protocol: below(256),
    direction: below(flowSymbols.direction.length),
    verdict: below(flowSymbols.verdict.length),
    reason: below(flowSymbols.reason.length),
    kind: below(flowSymbols.kind.length),
    flags: below(256),
    tcp_flags: below(256),
    reply_tcp_flags: below(256),
    connections: below(256),
  };
}

const largest = 2n ** 53n - 2n;
const smallest = -(2n ** 52n);

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function clamp(value: bigint): number {
  if (value > largest) return Number(largest);
  return Number(value < smallest ? smallest : value);
}

/** What avsc is to encode for these records: the same meaning, written the slow and obvious way. */
export function blockOf(header: BlockHeader, flows: KernelFlow[]): FlowBlock {
  const wall = (time: bigint): bigint => floorDivide(time + header.clockOffsetNs, 1000n);
  const base = wall(flows[0]?.time ?? 0n);
  const signed = (value: bigint): number => Number(BigInt.asIntN(32, value));
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
    flows: flows.map((flow): Flow => {
      const numbers = Object.fromEntries(
        Object.entries(flow).map(([name, value]) => [
          name,
          typeof value === "bigint" ? clamp(value) : value,
        ]),
      ) as unknown as Flow;
      return {
        ...numbers,
        time: clamp(wall(flow.time) - base),
        first: clamp(wall(flow.first) - base),
        last: clamp(wall(flow.last) - base),
        src_addr: Buffer.from(flow.src_addr),
        dst_addr: Buffer.from(flow.dst_addr),
        ifindex: signed(flow.ifindex),
        generation: signed(flow.generation),
        rule: signed(flow.rule),
        direction: flowSymbols.direction[Number(flow.direction)] ?? "unknown",
        verdict: flowSymbols.verdict[Number(flow.verdict)] ?? "unknown",
        reason: flowSymbols.reason[Number(flow.reason)] ?? "unknown",
        kind: flowSymbols.kind[Number(flow.kind)] ?? "unknown",
      };
    }),
  };
}
