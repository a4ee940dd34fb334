import { formatAddress, parseAddress } from "@weir/codec";
import { createPolicyWriter, policyMapsOf } from "@weir/collector";
import type { PolicyMaps, PolicyWriter } from "@weir/collector";
import { NodeMaps, addressFromBytes } from "@weir/policy";
import type { CompiledPolicy } from "@weir/policy";
import { BpfMap } from "libbpf-ts";
import { Datapath, drop, loopback } from "./datapath.ts";
import { frame, protocol, tcp, tcpFlag, udp } from "./frame.ts";
import type { PolicyWorld } from "./policy-world.ts";

const outerMaps = ["identities", "rules", "endpoint_policies"] as const;
type OuterMap = (typeof outerMaps)[number];
const nodeFlag = 2 ** 31;

/** A packet to or from `red/p0`, whose interface is the loopback device. */
export interface Question {
  side: "ingress" | "egress";
  address: string;
  protocol: "tcp" | "udp";
  port: number;
}

/** Interfaces of the node: the pod that is looked at, and others that come along. */
export const endpoints = [
  { ifindex: loopback, namespace: "red", pod: "p0" },
  { ifindex: 901, namespace: "blue", pod: "p1" },
  { ifindex: 902, namespace: "red", pod: "p2" },
  { ifindex: 903, namespace: "red", pod: "nobody" },
];

/** The programs, the policy's maps and a writer on them. */
export class PolicyBed implements Disposable {
  readonly datapath = new Datapath({ flows: 1 << 16 });
  readonly maps: PolicyMaps;
  readonly troubles: unknown[] = [];
  #source = 1024;

  constructor() {
    this.maps = policyMapsOf(this.datapath.object);
  }

  writer(maps = this.maps, room: Partial<Record<OuterMap, number>> = {}): PolicyWriter {
    const writer = createPolicyWriter({
      maps,
      room: { identities: 4096, rules: 65_536, endpoint_policies: 4096, ...room },
      onTrouble: (error) => this.troubles.push(error),
    });
    writer.expect(endpoints);
    return writer;
  }

  /** As before the first policy; only the epoch goes on, since flows remember it. */
  forget(): void {
    const { object } = this.datapath;
    this.observe();
    for (const name of outerMaps) for (const slot of [0, 1]) object.map(name).delete(u32(slot));
  }

  /** Nothing is in force; the maps stay as they are. */
  observe(): void {
    for (const slot of [0, 1]) {
      this.maps.setState(slot, { generation: 0, revision: 0, mode: 0, pad: 0 });
    }
    this.maps.setEpoch(this.maps.epoch() + 1);
  }

  /** The verdict over the first packet of a new connection. */
  isAllowed(question: Question): boolean {
    this.#source = this.#source === 65_000 ? 1024 : this.#source + 1;
    const packet = packetOf(question, this.#source);
    const verdict =
      question.side === "ingress" ? this.datapath.to(packet) : this.datapath.from(packet);
    return verdict !== drop;
  }

  /** Everything in one slot, readable. */
  dump(slot: number): Record<OuterMap, Map<string, string>> {
    const read = (name: OuterMap, decode: (key: DataView, value: DataView) => [string, string]) => {
      const id = this.datapath.object.map(name).innerId(slot);
      if (id === undefined) return new Map<string, string>();
      using map = BpfMap.fromId(id);
      return new Map([...map.entries()].map(([key, value]) => decode(view(key), view(value))));
    };
    return {
      identities: read("identities", (key, value) => [
        `${formatAddress(bytes(key), 4)} ${key.getUint32(0, true)}`,
        String(value.getUint32(0, true)),
      ]),
      rules: read("rules", (key, value) => [
        [key.getUint32(4, true), key.getUint32(8, true), key.getUint32(0, true)]
          .concat(key.getUint8(12), key.getUint16(13, false))
          .join(" "),
        String(value.getUint32(0, true)),
      ]),
      endpoint_policies: read("endpoint_policies", (key, value) => [
        String(key.getUint32(0, true)),
        `${value.getUint32(0, true)} ${value.getUint32(4, true)}`,
      ]),
    };
  }

  [Symbol.dispose](): void {
    this.datapath[Symbol.dispose]();
  }
}

/** What `PolicyBed.dump` is to say. */
export function expectedDump(
  compiled: CompiledPolicy,
  nodeAddresses: string[] = [],
  interfaces = endpoints,
): Record<OuterMap, Map<string, string>> {
  const judge = new NodeMaps(compiled);
  const identities = new Map(
    compiled.identities.map((one) => [
      `${formatAddress(one.addr, 0)} ${one.prefix_bits}`,
      String(one.identity),
    ]),
  );
  for (const text of nodeAddresses) {
    const identity = judge.identityOf(addressFromBytes(parseAddress(text)));
    identities.set(`${text} 128`, String(identity + nodeFlag));
  }
  const rules = compiled.entries.map((one): [string, string] => [
    [one.rule_set, one.identity, one.prefix_bits, one.protocol, one.port].join(" "),
    String(one.rule),
  ]);
  const known = interfaces.flatMap(({ ifindex, namespace, pod }): [string, string][] => {
    const found = compiled.endpoints.find((one) => one.namespace === namespace && one.pod === pod);
    return found ? [[String(ifindex), `${found.ingress_rule_set} ${found.egress_rule_set}`]] : [];
  });
  return { identities, rules: new Map(rules), endpoint_policies: new Map(known) };
}

/** What the evaluator of compiled maps says to a question. */
export function expectedVerdict(
  compiled: CompiledPolicy,
  question: Question,
  nodeAddresses: string[] = [],
): boolean {
  const remote = addressFromBytes(parseAddress(question.address));
  const number = protocol[question.protocol];
  const maps = new NodeMaps(compiled, nodeAddresses);
  const { side, port } = question;
  // A pod that the policy does not know is closed.
  return maps.judge(side, "red/p0", remote, number, port).verdict === "allowed";
}

/** Every address, side, protocol and some ports. */
export function questionsOf(world: PolicyWorld, most = Infinity): Question[] {
  const all: Question[] = [];
  for (const address of world.addresses) {
    for (const side of ["ingress", "egress"] as const) {
      for (const port of [80, 443, 5432, 8080, 9000]) {
        for (const name of ["tcp", "udp"] as const) {
          all.push({ side, address, protocol: name, port });
        }
      }
    }
  }
  while (all.length > most) all.splice(world.below(all.length), 1);
  return all;
}

export function packetOf(question: Question, source: number): Uint8Array {
  const { address, side, port } = question;
  const own = address.includes(":") ? "fd00::10" : "10.0.0.10";
  const payload =
    question.protocol === "tcp" ? tcp(source, port, tcpFlag.syn) : udp(source, port, 8);
  const [src, dst] = side === "ingress" ? [address, own] : [own, address];
  return frame({ src, dst, protocol: protocol[question.protocol], payload });
}

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

function view(content: Uint8Array): DataView {
  return new DataView(content.buffer, content.byteOffset, content.byteLength);
}

function bytes(content: DataView): Uint8Array {
  return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
}
