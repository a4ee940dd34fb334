import {
  type FlowColumns,
  type FlowProcess,
  type FlowWord,
  flowSymbols,
  parseAddress,
} from "@weir/codec";
import { FlowRows, type Party } from "../tables/flow-rows.ts";

/** What a test says of one flow; the rest is plausible. */
export interface TestFlow {
  /** Microseconds since 1970. */
  time: number;
  source?: Partial<Party> & { ip?: string; port?: number };
  destination?: Partial<Party> & { ip?: string; port?: number };
  protocol?: number;
  direction?: "egress" | "ingress";
  verdict?: "allowed" | "denied";
  reason?: string;
  packets?: number;
  bytes?: number;
  connections?: number;
  answered?: boolean;
  refused?: boolean;
  block?: number;
  node?: string;
  process?: FlowProcess;
  dnsName?: string;
  closeReason?: (typeof flowSymbols.close_reason)[number];
  handshakeRttUs?: number;
  srttUs?: number;
  firstByteUs?: number;
  retransmits?: number;
  beforeStart?: boolean;
}

/** One Native block of `flows`. */
export function flowBlock(flows: readonly TestFlow[]): Uint8Array {
  const rows = new FlowRows(flows.length);
  for (const flow of flows) {
    const { source = {}, destination = {} } = flow;
    rows.append(columnsOf(flow), 0, 1, {
      sources: Uint32Array.of(rows.source(party(source))),
      destinations: Uint32Array.of(rows.destination(party(destination))),
      reasons: Uint32Array.of(rows.reason(flow.reason ?? "not-isolated")),
    });
  }
  return rows.encode();
}

function party(end: Partial<Party>): Party {
  const { kind = "", namespace = "", workload = "", pod = "", name = "" } = end;
  return { kind, namespace, workload, pod, name };
}

function columnsOf(flow: TestFlow): FlowColumns {
  const { time, source = {}, destination = {} } = flow;
  return {
    node: flow.node ?? "node-1",
    bootId: "boot-1",
    block: flow.block ?? 1,
    rules: [],
    processes: flow.process === undefined ? [] : [flow.process],
    names: flow.dnsName === undefined ? [] : [flow.dnsName],
    count: 1,
    ...wide({
      time,
      first: time - 1000,
      last: time,
      sequence: 0,
      packets: flow.packets ?? 1,
      bytes: flow.bytes ?? 100,
      replyPackets: 0,
      replyBytes: 0,
    }),
    addresses: new Uint8Array(0),
    srcAddrIndex: Uint32Array.of(0),
    dstAddrIndex: Uint32Array.of(1),
    srcAddr: parseAddress(source.ip ?? "10.0.0.1"),
    dstAddr: parseAddress(destination.ip ?? "10.0.0.2"),
    ifindex: Uint32Array.of(3),
    generation: Uint32Array.of(1),
    rule: Uint32Array.of(0),
    srcPort: Uint16Array.of(source.port ?? 40_000),
    dstPort: Uint16Array.of(destination.port ?? 80),
    cpu: Uint16Array.of(0),
    protocol: Uint8Array.of(flow.protocol ?? 6),
    direction: Uint8Array.of(flow.direction === "ingress" ? 2 : 1),
    verdict: Uint8Array.of(flow.verdict === "denied" ? 2 : 1),
    reason: Uint8Array.of(2),
    kind: Uint8Array.of(2),
    flags: Uint8Array.of(
      (flow.answered === false ? 0 : 2) |
        (flow.refused === true ? 4 : 0) |
        (flow.beforeStart === true ? 32 : 0),
    ),
    tcpFlags: Uint8Array.of(0),
    replyTcpFlags: Uint8Array.of(0),
    connections: Uint8Array.of(flow.connections ?? 1),
    process: Uint32Array.of(flow.process === undefined ? 0 : 1),
    handshakeRttUs: Uint32Array.of(flow.handshakeRttUs ?? 0),
    srttUs: Uint32Array.of(flow.srttUs ?? 0),
    retransmits: Uint32Array.of(flow.retransmits ?? 0),
    firstByteUs: Uint32Array.of(flow.firstByteUs ?? 0),
    dns: Uint32Array.of(flow.dnsName === undefined ? 0 : 1),
    closeReason: Uint8Array.of(flowSymbols.close_reason.indexOf(flow.closeReason ?? "none")),
  };
}

/** The 64-bit columns of one row, both ways a block has them. */
function wide(values: Record<FlowWord, number>): Pick<FlowColumns, FlowWord | "words"> {
  const each = <Column>(make: (value: number) => Column): Record<FlowWord, Column> =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, make(value)]),
    ) as Record<FlowWord, Column>;
  return {
    ...each((value) => Float64Array.of(value)),
    words: each((value) => BigUint64Array.of(BigInt(value))),
  };
}
