import { parseAddress, recordCodec } from "@weir/codec";
import type { Flow, FlowBlock, Workload } from "@weir/codec";

const flowBlocks = recordCodec("FlowBlock");
/** When the tests began, microseconds since 1970. */
export const NOW = Date.now() * 1000;

/** A pod of a Deployment that is named by what comes before the first dash. */
export function pod(
  name: string,
  address: string,
  since: number,
  until: number | null = null,
): Workload {
  return {
    kind: "pod",
    namespace: "shop",
    name,
    uid: `uid-${name}`,
    workload: name.split("-")[0] ?? name,
    workload_kind: "Deployment",
    node: "n1",
    addresses: [parseAddress(address)],
    labels: { app: name },
    namespace_labels: {},
    host_network: false,
    ports: [{ name: "http", port: 80, protocol: 6 }],
    since,
    until,
  };
}

/** A flow with its addresses, and its times relative to NOW. */
export type Seen = Omit<Flow, "src_addr" | "dst_addr"> & { source: string; destination: string };

export function flow(source: string, destination: string, more: Partial<Flow> = {}): Seen {
  return {
    source,
    destination,
    time: 0,
    first: 0,
    last: 0,
    sequence: 0,
    packets: 5,
    bytes: 500,
    reply_packets: 4,
    reply_bytes: 400,
    ifindex: 3,
    generation: 0,
    rule: 0,
    src_port: 40_000,
    dst_port: 80,
    cpu: 0,
    protocol: 6,
    direction: "egress",
    verdict: "allowed",
    reason: "not_isolated",
    kind: "closed",
    flags: 0,
    tcp_flags: 0x1b,
    reply_tcp_flags: 0x1b,
    connections: 1,
    ...{ process: 0, dns: 0, close_reason: "none" },
    ...{ handshake_rtt_us: 0, srtt_us: 0, retransmits: 0, first_byte_us: 0 },
    ...more,
  };
}

/** A message of the topic of flows. */
export function block(
  number: number,
  flows: Seen[],
  more: Partial<FlowBlock> = {},
): { key: string; value: Uint8Array } {
  const addresses = [...new Set(flows.flatMap(({ source, destination }) => [source, destination]))];
  let before = 0;
  const differences = ({ source, destination, ...one }: Seen): Flow => {
    const time = one.time - before;
    before = one.time;
    return {
      ...one,
      time,
      last: one.time - one.last,
      first: one.last - one.first,
      src_addr: addresses.indexOf(source),
      dst_addr: addresses.indexOf(destination),
    };
  };
  const whole = {
    node: "n1",
    boot_id: "boot",
    block: number,
    base_time: NOW,
    ...{ rules: [], processes: [], names: [] },
    addresses: addresses.map((address) => parseAddress(address)),
    flows: flows.map(differences),
    ...more,
  };
  return { key: "n1", value: flowBlocks.encode(whole) };
}
