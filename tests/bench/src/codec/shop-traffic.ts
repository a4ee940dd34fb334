import { flowLayout, flowRecordBytes, flowSymbols, parseAddress } from "@weir/codec";

/**
 * Records as the shop of the lab makes them, from a seed: short TCP calls between a few workloads
 * and their DNS questions, each seen at both ends, most closed by the ring and some still open at
 * the sweep. What is random there is random here: ports, times, sizes.
 */
export function shopTraffic(count: number, seed: number): Uint8Array {
  const chance = randomNumbers(seed);
  const records = new Uint8Array(count * flowRecordBytes);
  const clock = { nowNs: 3_600_000_000_000, sequence: [1000, 2000] };
  for (let row = 0; row < count; row += 2) {
    // At 20,000 connections a second, irregularly.
    clock.nowNs += Math.floor(-50_000 * Math.log(1 - chance()));
    const call = callOf(chance, clock.nowNs);
    write(records, row, { ...call, ...seenAt(call, egress, chance, clock) });
    if (row + 1 < count)
      write(records, row + 1, { ...call, ...seenAt(call, ingress, chance, clock) });
  }
  return records;
}

interface Edge {
  from: number;
  to: number;
  port: number;
  protocol: number;
  /** How often, against the others. */
  weight: number;
  /** Bytes there and back, about. */
  bytes: [number, number];
}

type Record = { [field in keyof typeof flowLayout]: number | Uint8Array };
type Call = Omit<
  Record,
  "ifindex" | "direction" | "kind" | "cpu" | "sequence" | "time" | "rule" | "reason" | "process"
> & {
  edge: Edge;
  last: number;
};

const [egress, ingress] = ["egress", "ingress"].map((name) =>
  flowSymbols.direction.indexOf(name as "egress"),
) as [number, number];
const kind = (name: (typeof flowSymbols.kind)[number]): number => flowSymbols.kind.indexOf(name);
const reason = (name: (typeof flowSymbols.reason)[number]): number =>
  flowSymbols.reason.indexOf(name);

/** Pods: 0-3 storefront, 4-5 cart, 6-7 catalogue, 8 payment, 9 database, 10 dns, 11 intruder. */
const podAddresses = Array.from({ length: 12 }, (_, pod) =>
  parseAddress(`10.77.${pod % 3}.${pod + 10}`),
);
const edges: Edge[] = [
  ...[0, 1, 2, 3].flatMap((from) => [
    {
      from,
      to: 4 + (from % 2),
      port: 8080,
      protocol: 6,
      weight: 10,
      bytes: [620, 1400] as [number, number],
    },
    {
      from,
      to: 6 + (from % 2),
      port: 8081,
      protocol: 6,
      weight: 20,
      bytes: [540, 9000] as [number, number],
    },
    { from, to: 10, port: 53, protocol: 17, weight: 12, bytes: [65, 120] as [number, number] },
  ]),
  ...[4, 5].flatMap((from) => [
    { from, to: 8, port: 9000, protocol: 6, weight: 6, bytes: [900, 700] as [number, number] },
    { from, to: 9, port: 5432, protocol: 6, weight: 14, bytes: [800, 2500] as [number, number] },
    { from, to: 10, port: 53, protocol: 17, weight: 10, bytes: [65, 120] as [number, number] },
  ]),
  { from: 6, to: 9, port: 5432, protocol: 6, weight: 20, bytes: [800, 7000] },
  { from: 11, to: 9, port: 5432, protocol: 6, weight: 2, bytes: [60, 0] },
];
const allWeight = edges.reduce((sum, edge) => sum + edge.weight, 0);

function callOf(chance: () => number, nowNs: number): Call {
  let draw = chance() * allWeight;
  const edge = edges.find(({ weight }) => (draw -= weight) < 0);
  if (edge === undefined) throw new RangeError("the weights do not add up");
  const denied = edge.from === 11;
  const tcp = edge.protocol === 6;
  const lasted = Math.floor(-(tcp ? 4e6 : 4e5) * Math.log(1 - chance()));
  const spread = 0.7 + 0.6 * chance();
  const [out, back] = edge.bytes.map((bytes) => Math.round(bytes * spread)) as [number, number];
  return {
    edge,
    first: nowNs - lasted,
    // The kernel reads a coarse clock here: a tick of 4 ms.
    last: Math.max(nowNs - (nowNs % 4_000_000), nowNs - lasted),
    packets: denied ? 1 : tcp ? 5 + Math.floor(out / 1400) : 1,
    bytes: out,
    reply_packets: denied ? 0 : tcp ? 4 + Math.floor(back / 1400) : 1,
    reply_bytes: back,
    src_addr: podAddresses[edge.from] as Uint8Array,
    dst_addr: podAddresses[edge.to] as Uint8Array,
    generation: 3,
    src_port: 32_768 + Math.floor(chance() * 28_232),
    dst_port: edge.port,
    protocol: edge.protocol,
    verdict: denied ? 2 : 1,
    flags: denied ? 0 : 2,
    tcp_flags: tcp ? (denied ? 2 : 27) : 0,
    reply_tcp_flags: tcp && !denied ? 27 : 0,
    connections: 1,
    handshake_rtt_us: tcp && !denied ? 60 + Math.floor(200 * chance()) : 0,
    srtt_us: tcp && !denied ? 80 + Math.floor(400 * chance()) : 0,
    retransmits: chance() < 0.01 ? 1 : 0,
    first_byte_us: denied ? 0 : 200 + Math.floor(4000 * chance()),
    dns: tcp ? 1 + (edge.to % 2) : 0,
    close_reason: tcp && !denied ? 1 : 0,
  };
}

function seenAt(
  { edge, last, verdict }: Call,
  direction: number,
  chance: () => number,
  clock: { nowNs: number; sequence: number[] },
): Pick<
  Record,
  "ifindex" | "direction" | "kind" | "cpu" | "sequence" | "time" | "rule" | "reason" | "process"
> {
  const swept = edge.protocol === 17 || chance() < 0.05;
  const cpu = chance() < 0.5 ? 0 : 1;
  // Two numbers a connection: the edge that opened it was counted and left out.
  if (!swept) clock.sequence[cpu] = (clock.sequence[cpu] as number) + 2;
  const denied = verdict === 2;
  const isolated = direction === ingress && edge.to !== 10;
  return {
    ifindex: 20 + 2 * (direction === egress ? edge.from : edge.to),
    process: 1 + (direction === egress ? edge.from : edge.to),
    direction,
    kind: denied ? kind("denied_edge") : swept ? kind("idle") : kind("closed"),
    cpu,
    sequence: swept ? 0 : (clock.sequence[cpu] as number),
    time: (swept ? last + 1_000_000_000 : clock.nowNs) + Math.floor(chance() * 30_000),
    rule: isolated ? edge.to : 0,
    reason: denied ? reason("default_deny") : isolated ? reason("policy") : reason("not_isolated"),
  };
}

function write(records: Uint8Array, row: number, record: Record): void {
  const view = new DataView(records.buffer, row * flowRecordBytes, flowRecordBytes);
  for (const [name, { offset, bytes }] of Object.entries(flowLayout)) {
    const value = record[name as keyof Record];
    if (typeof value !== "number") records.set(value, row * flowRecordBytes + offset);
    else if (bytes === 8) view.setBigUint64(offset, BigInt(value), true);
    else if (bytes === 4) view.setUint32(offset, value, true);
    else if (bytes === 2) view.setUint16(offset, value, true);
    else view.setUint8(offset, value);
  }
}

/** mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
