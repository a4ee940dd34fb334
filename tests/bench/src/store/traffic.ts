import type { FlowColumns } from "@weir/codec";
import type { FlowRows, Party } from "@weir/store";
import { type Edge, type Pod, type World, drawEdge } from "./cluster.ts";
import { randomOf } from "./random.ts";

const day = 86_400_000_000;

export interface Traffic {
  /** Microseconds since 1970. */
  from: number;
  to: number;
  rows: number;
  seed: number;
}

/** What a node saw in a slice of time, as the collector's decoder gives it, and whose rows they are. */
export interface Slice {
  columns: FlowColumns;
  sources: PerRow<Party>;
  destinations: PerRow<Party>;
  reasons: PerRow<string>;
}

/** As a block has its addresses: each once, and which of them a row has. */
export interface PerRow<Value> {
  values: Value[];
  of: Uint32Array;
}

/** One observation: a connection between two pods makes two. */
interface Observation {
  edge: Edge;
  source: Pod;
  destination: Pod;
  egress: boolean;
  at: number;
  port: number;
  packets: number;
  bytes: number;
}

/** Slices of about `batchRows` rows in the order of time: each batch one slice of every node. */
export function* batchesOf(world: World, traffic: Traffic, batchRows: number): Generator<Slice[]> {
  const random = randomOf(traffic.seed);
  const { from, to, rows } = traffic;
  let block = 0;
  for (let made = 0; made < rows; made += batchRows) {
    const count = Math.min(batchRows, rows - made);
    const begin = from + ((to - from) * made) / rows;
    const length = ((to - from) * count) / rows;
    const seen: Observation[][] = world.nodes.map(() => []);
    for (let left = count; left > 0;) {
      const at = begin + length * random();
      // Fewer by night: what falls out there is made by day.
      if (length > day / 4 && random() > daylight(at)) continue;
      left -= observe(world, seen, at, random);
    }
    block++;
    yield seen.flatMap((some, node) =>
      some.length === 0 ? [] : [sliceOf(world.nodes[node] as string, some, block)],
    );
  }
}

/** The part of the busiest hour's traffic that there is at that time: a third by night. */
export function daylight(at: number): number {
  return (2 - Math.cos((2 * Math.PI * (at % day)) / day)) / 3;
}

function observe(world: World, seen: Observation[][], at: number, random: () => number): number {
  const edge = drawEdge(world, random());
  const source = edge.source[Math.floor(random() * edge.source.length)] as Pod;
  const destination = edge.destination[Math.floor(random() * edge.destination.length)] as Pod;
  const packets = 4 + Math.floor(random() ** 4 * 400);
  const one = {
    edge,
    source,
    destination,
    at: Math.round(at),
    port: 32_768 + Math.floor(random() * 28_000),
    packets,
    bytes: packets * (60 + Math.floor(random() * 900)),
  };
  seen[source.node]?.push({ ...one, egress: true });
  if (edge.outside) return 1;
  seen[destination.node]?.push({ ...one, egress: false });
  return 2;
}

function knowledgeOf(seen: Observation[]) {
  const numbers = (of: (one: Observation) => number) => Uint32Array.from(seen, of);
  return {
    process: new Uint32Array(seen.length).fill(1),
    handshakeRttUs: numbers((one) => 100 + (one.port % 400)),
    srttUs: numbers((one) => 150 + (one.bytes % 900)),
    retransmits: numbers((one) => (one.port % 100 === 0 ? 1 : 0)),
    firstByteUs: numbers((one) => 300 + (one.bytes % 5000)),
    dns: numbers((one) => (one.egress && one.edge.outside ? 1 : 0)),
    closeReason: new Uint8Array(seen.length).fill(1),
  };
}

/** Of a node: which pod's it was is not what a row costs. */
function server(block: number): FlowColumns["processes"][number] {
  return {
    ...{ pid: 1000 + (block % 50), start: 1_790_000_000_000_000, comm: "node" },
    ...{ executable: "/usr/bin/node", cgroup_id: 4200, container: "" },
  };
}

function sliceOf(node: string, seen: Observation[], block: number): Slice {
  // A drain hands records over in the order in which they were made.
  seen.sort((a, b) => a.at - b.at);
  const count = seen.length;
  const words = (of: (one: Observation) => number) =>
    BigUint64Array.from(seen, (one) => BigInt(of(one)));
  const bytes = (of: (one: Observation) => number) => Uint8Array.from(seen, of);
  const column = {
    time: words((one) => one.at),
    first: words((one) => one.at - 2_000_000),
    last: words((one) => one.at - 1000),
    sequence: new BigUint64Array(count),
    packets: words((one) => one.packets),
    bytes: words((one) => one.bytes),
    replyPackets: words((one) => (one.edge.denied ? 0 : one.packets)),
    replyBytes: words((one) => (one.edge.denied ? 0 : one.bytes * 3)),
  };
  const numbers = (of: keyof typeof column) => Float64Array.from(column[of], Number);
  const addresses = (of: (one: Observation) => Pod) => {
    const all = new Uint8Array(count * 16);
    for (const [at, one] of seen.entries()) all.set(of(one).address, at * 16);
    return all;
  };
  const columns: FlowColumns = {
    node,
    bootId: `boot-of-${node}`,
    block,
    rules: [],
    processes: [server(block)],
    names: ["api.example.org"],
    count,
    addresses: new Uint8Array(0),
    srcAddrIndex: new Uint32Array(count),
    dstAddrIndex: new Uint32Array(count),
    words: column,
    time: numbers("time"),
    first: numbers("first"),
    last: numbers("last"),
    sequence: numbers("sequence"),
    packets: numbers("packets"),
    bytes: numbers("bytes"),
    replyPackets: numbers("replyPackets"),
    replyBytes: numbers("replyBytes"),
    srcAddr: addresses((one) => one.source),
    dstAddr: addresses((one) => one.destination),
    ifindex: Uint32Array.from(seen, (one) => (one.egress ? one.source : one.destination).node + 3),
    generation: new Uint32Array(count).fill(7),
    rule: new Uint32Array(count),
    srcPort: Uint16Array.from(seen, (one) => one.port),
    dstPort: Uint16Array.from(seen, (one) => one.edge.port),
    cpu: new Uint16Array(count),
    protocol: bytes((one) => one.edge.protocol),
    direction: bytes((one) => (one.egress ? 1 : 2)),
    verdict: bytes((one) => (one.edge.denied ? 2 : 1)),
    reason: bytes(() => 2),
    kind: bytes(() => 2),
    flags: bytes((one) => (one.edge.denied ? 0 : 2)),
    tcpFlags: bytes((one) => (one.edge.protocol === 6 ? 27 : 0)),
    replyTcpFlags: bytes((one) => (one.edge.protocol === 6 && !one.edge.denied ? 27 : 0)),
    connections: bytes(() => 1),
    ...knowledgeOf(seen),
  };
  return {
    columns,
    sources: perRow(seen, (one) => one.source.party),
    destinations: perRow(seen, (one) => one.destination.party),
    reasons: perRow(seen, reasonOf),
  };
}

function reasonOf({ edge, destination }: Observation): string {
  const { namespace, workload } = destination.party;
  if (edge.outside) return "not-isolated";
  const policy = `${namespace}/${workload}`;
  return edge.denied ? `default-deny ingress (${policy})` : `${policy} ingress[0]`;
}

function perRow<Value>(seen: Observation[], valueOf: (one: Observation) => Value): PerRow<Value> {
  const values: Value[] = [];
  const known = new Map<Value, number>();
  const of = Uint32Array.from(seen, (one) =>
    once(known, valueOf(one), (value) => values.push(value) - 1),
  );
  return { values, of };
}

/** Puts a batch into rows as the enricher does: each name of a block is looked up once. */
export function appendBatch(rows: FlowRows, batch: readonly Slice[]): void {
  const sources = new Map<Party, number>();
  const destinations = new Map<Party, number>();
  const reasons = new Map<string, number>();
  for (const slice of batch)
    rows.append(slice.columns, 0, slice.columns.count, {
      sources: numbersOf(slice.sources, sources, (party) => rows.source(party)),
      destinations: numbersOf(slice.destinations, destinations, (party) => rows.destination(party)),
      reasons: numbersOf(slice.reasons, reasons, (text) => rows.reason(text)),
    });
}

function numbersOf<Value>(
  { values, of }: PerRow<Value>,
  known: Map<Value, number>,
  make: (value: Value) => number,
): Uint32Array {
  const numberOf = values.map((value) => once(known, value, make));
  return of.map((at) => numberOf[at] ?? 0);
}

function once<Key>(known: Map<Key, number>, key: Key, make: (key: Key) => number): number {
  let number = known.get(key);
  if (number === undefined) known.set(key, (number = make(key)));
  return number;
}
