import { flowLayout, flowRecordBytes, flowSymbols, formatAddress } from "@weir/codec";
import type { Mode } from "@weir/codec";
import { chooseProgramFile, odometerMapsOf } from "@weir/collector";
import type { OdometerMaps } from "@weir/collector";
import { BpfObject, RingReader, openIterator, testRun } from "libbpf-ts";

/** Of bpf/build, by name. */
function builtObject(name: string): string {
  return new URL(`../../../bpf/build/${name}.bpf.o`, import.meta.url).pathname;
}

/** As a collector chooses them; `WEIR_OBJECT=flow-before-5.12`: those of another kernel than this. */
const { WEIR_OBJECT } = process.env;
export const objectPath =
  WEIR_OBJECT === undefined ? chooseProgramFile().path : builtObject(WEIR_OBJECT);

/** A record of struct weir_flow_record, readable. */
export interface Seen {
  kind: string;
  src: string;
  dst: string;
  protocol: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  direction: string;
  verdict: string;
  reason: string;
  rule: number;
  generation: number;
  connections: number;
  flags: number;
  tcpFlags: number;
  replyTcpFlags: number;
  handshakeRttUs: number;
  firstByteUs: number;
  closeReason: string;
  ifindex: number;
  sequence: number;
}

export interface Rule {
  ruleSet: number;
  identity?: number;
  prefixBits: number;
  protocol?: number;
  port?: number;
  rule: number;
}

export interface Policy {
  mode: Mode;
  generation: number;
  endpoints: { ifindex: number; ingress?: number; egress?: number }[];
  identities?: { addr: Uint8Array; bits?: number; identity: number }[];
  rules?: Rule[];
}

export interface DatapathOptions {
  flows?: number;
  ringBytes?: number;
  unknownDenied?: boolean;
  layer3?: boolean;
  /** Constants of the programs. */
  settings?: Record<string, number | bigint>;
  /** Connections that are remembered without an entry. */
  untracked?: number;
  /** Of bpf/build; absent: those for this kernel. */
  object?: string;
}

export interface RunOptions {
  gsoSize?: number;
  gsoSegments?: number;
  /** The interface that brought the packet to the node; 0: the node sends it. */
  broughtBy?: number;
}

export type Program = "from_workload" | "to_workload" | "from_workload_l3" | "to_workload_l3";

/** TCX_NEXT as an unsigned number, and TCX_DROP. */
export const pass = 0xffff_ffff;
export const drop = 2;
/** Packets of BPF_PROG_TEST_RUN come from the loopback device. */
export const loopback = 1;

const modes: Mode[] = ["observe", "shadow", "enforce"];

/** The programs with maps of their own, nothing attached and nothing pinned. */
export class Datapath implements Disposable {
  readonly object: BpfObject;
  readonly odometers: OdometerMaps;
  readonly #ring: RingReader;
  #epoch = 0;

  /** `layer3`: with the programs for devices without MAC header; loading them takes a while. */
  constructor(options: DatapathOptions = {}) {
    const autoload = options.layer3 ?? false;
    this.object = BpfObject.open(
      options.object === undefined ? objectPath : builtObject(options.object),
      {
        programs: { from_workload_l3: { autoload }, to_workload_l3: { autoload } },
        settings: {
          unknown_endpoint_denied: options.unknownDenied ? 1 : 0,
          ...options.settings,
        },
        maps: {
          flows: { maxEntries: options.flows ?? 4096 },
          events: { maxEntries: options.ringBytes ?? 1 << 18 },
          untracked: { maxEntries: options.untracked ?? 4096 },
        },
      },
    ).load();
    this.#ring = new RingReader(this.object.map("events"));
    this.odometers = odometerMapsOf(this.object);
    this.odometers.open(loopback);
  }

  /** Passes one packet to a program; returns its verdict. */
  run(program: Program, packet: Uint8Array, options: RunOptions = {}): number {
    const context = new Uint8Array(192);
    const view = new DataView(context.buffer);
    view.setUint32(36, options.broughtBy ?? 0, true);
    view.setUint32(164, options.gsoSegments ?? 0, true);
    view.setUint32(176, options.gsoSize ?? 0, true);
    return testRun(this.object.program(program), { dataIn: packet, ctxIn: context }).retval;
  }

  from(packet: Uint8Array, options?: RunOptions): number {
    return this.run("from_workload", packet, options);
  }

  to(packet: Uint8Array, options?: RunOptions): number {
    return this.run("to_workload", packet, options);
  }

  set(setting: string, milliseconds: number): void {
    const map = this.object.map("settings").typed<number, Record<string, bigint | number>>();
    map.set(0, { ...map.get(0), [setting]: BigInt(milliseconds) * 1_000_000n });
  }

  /** What the ring has. */
  edges(): Seen[] {
    const buffer = new Uint8Array(8192 * flowRecordBytes);
    const count = this.#ring.drainInto(buffer, flowRecordBytes);
    return decode(buffer.subarray(0, count * flowRecordBytes));
  }

  sweep(options: { flush?: boolean } = {}): Seen[] {
    const settings = this.object.map("settings").typed<number, Record<string, bigint | number>>();
    const before = settings.get(0) ?? {};
    settings.set(0, { ...before, flush: options.flush ? 1 : 0 });
    using reader = openIterator(this.object.program("sweep"), { map: this.object.map("flows") });
    const chunks: Buffer[] = [];
    const buffer = new Uint8Array(64 << 10);
    for (let read = reader.readInto(buffer); read > 0; read = reader.readInto(buffer)) {
      chunks.push(Buffer.from(buffer.subarray(0, read)));
    }
    settings.set(0, { ...before, flush: 0 });
    return decode(Buffer.concat(chunks));
  }

  /** One sweep marks what is idle, the next ends it. */
  expire(): Seen[] {
    return [...this.sweep(), ...this.sweep()];
  }

  /** Everything told so far that was not read yet. */
  records(): Seen[] {
    const edges = this.edges();
    return [...edges, ...this.sweep({ flush: true })];
  }

  odometer(ifindex = loopback): Record<string, number> {
    const fields = this.object.btf.struct("weir_odometer").fields;
    const sums = new BigUint64Array(fields.length);
    this.odometers.read(ifindex, sums);
    return Object.fromEntries(fields.map((one, index) => [one.name, Number(sums[index])]));
  }

  dropped(cause: string): number {
    const index = Number(this.object.btf.enum("weir_drop").values.get(cause));
    const counts = this.object.map("drops").typed<number, bigint>().perCpu(index) ?? [];
    return Number(counts.reduce((sum, one) => sum + one, 0n));
  }

  setEndpoint(
    ifindex: number,
    modeLimit: Mode,
    options: { closedUntilKnown?: boolean } = {},
  ): void {
    const endpoints = this.object.map("endpoints").typed<number, Record<string, number>>();
    const closed_until_known = options.closedUntilKnown ? 1 : 0;
    endpoints.set(ifindex, {
      mode_limit: modes.indexOf(modeLimit),
      inverted: 0,
      closed_until_known,
    });
  }

  /** As the collector does it: fresh maps into the free slot, then one word. */
  enforce(policy: Policy): void {
    const next = this.#epoch + 1;
    const slot = next & 1;
    const identities = policy.identities ?? [];
    const rules = policy.rules ?? [];
    using endpointMap = this.object.createInner("endpoint_policies", { maxEntries: 64 });
    using identityMap = this.object.createInner("identities", {
      maxEntries: identities.length + 1,
    });
    using ruleMap = this.object.createInner("rules", { maxEntries: rules.length + 1 });
    const btf = this.object.btf;
    const endpointValue = btf.codec<Record<string, number>>("weir_endpoint_policy");
    const identityKey = btf.codec<Record<string, number | Uint8Array>>("weir_identity_key");
    const ruleKey = btf.codec<Record<string, number | Uint8Array>>("weir_rule_key");
    for (const { ifindex, ingress = 0, egress = 0 } of policy.endpoints) {
      const value = { ingress_rule_set: ingress, egress_rule_set: egress };
      endpointMap.update(u32(ifindex), endpointValue.encode(value));
    }
    for (const { addr, bits = 128, identity } of identities) {
      identityMap.update(identityKey.encode({ prefix_bits: bits, addr }), u32(identity));
    }
    for (const one of rules) {
      const port = one.port ?? 0;
      const key = {
        prefix_bits: one.prefixBits,
        rule_set: one.ruleSet,
        identity: one.identity ?? 0,
        protocol: one.protocol ?? 0,
        port_be: Uint8Array.of(port >> 8, port & 0xff),
        pad: 0,
      };
      ruleMap.update(ruleKey.encode(key), u32(one.rule));
    }
    this.object.map("endpoint_policies").setInner(slot, endpointMap);
    this.object.map("identities").setInner(slot, identityMap);
    this.object.map("rules").setInner(slot, ruleMap);
    const { generation, mode } = policy;
    const states = this.object.map("policy_state").typed<number, Record<string, number>>();
    states.set(slot, { generation, revision: generation, mode: modes.indexOf(mode), pad: 0 });
    this.object.map("policy_epoch").update(u32(0), u32(next));
    this.#epoch = next;
  }

  [Symbol.dispose](): void {
    this.#ring.close();
    this.object.close();
  }
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

function decode(bytes: Uint8Array): Seen[] {
  const records: Seen[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += flowRecordBytes)
    records.push(decodeOne(view, at, bytes));
  return records;
}

function decodeOne(view: DataView, at: number, bytes: Uint8Array): Seen {
  const read = (field: keyof typeof flowLayout): number => {
    const { offset, bytes: size } = flowLayout[field];
    if (size === 8) return Number(view.getBigUint64(at + offset, true));
    if (size === 4) return view.getUint32(at + offset, true);
    return size === 2 ? view.getUint16(at + offset, true) : view.getUint8(at + offset);
  };
  const end = (addr: "src_addr" | "dst_addr", port: "src_port" | "dst_port"): string => {
    const text = formatAddress(bytes, at + flowLayout[addr].offset);
    return text.includes(":") ? `[${text}]:${read(port)}` : `${text}:${read(port)}`;
  };
  return {
    kind: flowSymbols.kind[read("kind")] ?? "?",
    src: end("src_addr", "src_port"),
    dst: end("dst_addr", "dst_port"),
    protocol: read("protocol"),
    packets: read("packets"),
    bytes: read("bytes"),
    replyPackets: read("reply_packets"),
    replyBytes: read("reply_bytes"),
    direction: flowSymbols.direction[read("direction")] ?? "?",
    verdict: flowSymbols.verdict[read("verdict")] ?? "?",
    reason: flowSymbols.reason[read("reason")] ?? "?",
    rule: read("rule"),
    generation: read("generation"),
    connections: read("connections"),
    flags: read("flags"),
    tcpFlags: read("tcp_flags"),
    replyTcpFlags: read("reply_tcp_flags"),
    handshakeRttUs: read("handshake_rtt_us"),
    firstByteUs: read("first_byte_us"),
    closeReason: flowSymbols.close_reason[read("close_reason")] ?? "?",
    ifindex: read("ifindex"),
    sequence: read("sequence"),
  };
}

/** What the records add up to, both ways. */
export function total(records: Seen[]): { packets: number; bytes: number; connections: number } {
  const sum = { packets: 0, bytes: 0, connections: 0 };
  for (const one of records) {
    sum.packets += one.packets + one.replyPackets;
    sum.bytes += one.bytes + one.replyBytes;
    sum.connections += one.connections;
  }
  return sum;
}
