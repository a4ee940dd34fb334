import { formatAddress, parseAddress } from "@weir/codec";
import { Datapath, drop, loopback, pass } from "./datapath.ts";
import type { Policy, Program, Rule } from "./datapath.ts";
import { Dice, addresses, craft, inFrame, mutate } from "./fuzz-packets.ts";
import { understand } from "./fuzz-oracle.ts";
import type { FlowPacket } from "./fuzz-oracle.ts";

/** The same packets again: WEIR_SEED=12345 npm test -- fuzz */
const seed = Number(process.env["WEIR_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const rounds = 3000;
const classes = ["ports", "echo", "icmp", "signal", "lost"];
const programs: Program[] = ["from_workload", "to_workload", "from_workload_l3", "to_workload_l3"];
const [ingress, egress] = [100, 200];
const [friend, neighbour] = [16, 17];
const [tcp, udp] = [6, 17];

const rules: Rule[] = [
  { ruleSet: ingress, identity: friend, prefixBits: 88, protocol: tcp, port: 80, rule: 1 },
  { ruleSet: ingress, identity: friend, prefixBits: 88, protocol: udp, port: 1000, rule: 2 },
  { ruleSet: egress, identity: friend, prefixBits: 72, protocol: tcp, rule: 3 },
  { ruleSet: ingress, identity: neighbour, prefixBits: 64, rule: 4 },
  { ruleSet: egress, identity: neighbour, prefixBits: 88, protocol: udp, port: 53, rule: 5 },
];

const identities = [
  [addresses.peers4[0], friend],
  [addresses.peers6[0], friend],
  [addresses.peers4[1], neighbour],
  [addresses.peers6[1], neighbour],
] as const;

const policy: Policy = {
  ...{ mode: "enforce", generation: 1, rules },
  endpoints: [{ ifindex: loopback, ingress, egress }],
  identities: identities.map(([text, identity]) => ({ addr: parseAddress(text), identity })),
};

/** The packet's flow, from the pod's side. */
interface Flow {
  local: string;
  remote: string;
  localPort: number;
  remotePort: number;
  protocol: number;
  class: string;
}

function flowOf(packet: FlowPacket, fromLocal: boolean): Flow {
  const { protocol, class: kind } = packet;
  const source = [packet.source, packet.sourcePort] as const;
  const destination = [packet.destination, packet.destinationPort] as const;
  const [near, far] = fromLocal ? [source, destination] : [destination, source];
  const ends = { local: near[0], localPort: near[1], remote: far[0], remotePort: far[1] };
  return { ...ends, protocol, class: kind };
}

function isAllowed(flow: Flow, isByLocal: boolean): boolean {
  const identity = identities.find(([text]) => text === flow.remote)?.[1] ?? 0;
  const port = isByLocal ? flow.remotePort : flow.localPort;
  return rules.some(
    (rule) =>
      rule.ruleSet === (isByLocal ? egress : ingress) &&
      rule.identity === identity &&
      (rule.prefixBits === 64 ||
        (flow.class === "ports" &&
          rule.protocol === flow.protocol &&
          (rule.prefixBits === 72 || rule.port === port))),
  );
}

/** The verdict over the first packet of a flow: NetworkPolicy, by whoever seems to have begun. */
function verdictOf(flow: Flow, tcpFlags: number, fromLocal: boolean): number {
  const [syn, ack] = [(tcpFlags & 2) !== 0, (tcpFlags & 16) !== 0];
  const judged = (isByLocal: boolean): number => (isAllowed(flow, isByLocal) ? pass : drop);
  if (flow.class === "signal") return pass;
  if (flow.class === "lost") return drop;
  if (flow.class === "echo" && flow.localPort + flow.remotePort > 0)
    return judged(flow.localPort > 0);
  if (flow.class !== "ports" || flow.protocol !== tcp) return judged(fromLocal);
  if (syn) return judged(ack ? !fromLocal : fromLocal);
  return judged(fromLocal) === pass || judged(!fromLocal) === pass ? pass : drop;
}

/** What the programs have put into the flow map. */
function flowsOf(datapath: Datapath): Flow[] {
  return [...datapath.object.map("flows").entries()].map(([key]) => {
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
    return {
      ...{ local: formatAddress(key, 0), remote: formatAddress(key, 16) },
      ...{ localPort: view.getUint16(36, true), remotePort: view.getUint16(38, true) },
      ...{ protocol: view.getUint8(40), class: classes[view.getUint8(41)] ?? "?" },
    };
  });
}

function forget(datapath: Datapath): void {
  for (const name of ["flows", "fragments"]) {
    const map = datapath.object.map(name);
    for (const [key] of [...map.entries()]) map.delete(key);
  }
}

/**
 * A test run takes an Ethernet header and a byte, and since Linux 6.18 a whole IP header where the
 * type says IP: shorter ones come under a tag, which it does not look behind.
 */
function isRunnable(packet: Uint8Array): boolean {
  const type = packet.length < 15 ? 0 : ((packet[12] ?? 0) << 8) | (packet[13] ?? 0);
  const headerBytes = type === 0x0800 ? 20 : type === 0x86dd ? 40 : 1;
  return packet.length >= 14 + headerBytes;
}

/** Runs one packet that nothing came before, and holds the program to the oracle. */
function check(datapath: Datapath, program: Program, packet: Uint8Array): string {
  const fromLocal = program.startsWith("from");
  const understood = understand(packet, program.endsWith("l3"));
  const before = datapath.odometer();
  const verdict = datapath.run(program, packet);
  const after = datapath.odometer();
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  const side = fromLocal ? "from" : "to";
  const seen = {
    verdict,
    flows: flowsOf(datapath),
    other: grown("other_packets"),
    malformed: [grown("malformed_packets"), grown("malformed_bytes")],
    counted: [grown(`${side}_packets`), grown(`${side}_bytes`)],
    denied: grown("denied_packets"),
  };
  forget(datapath);
  const nothing = { flows: [], other: 0, malformed: [0, 0], counted: [0, 0], denied: 0 };
  const where = { program, seed, packet: Buffer.from(packet).toString("hex") };
  if (understood.kind === "other") {
    expect({ ...where, ...seen }).toEqual({ ...where, ...nothing, verdict: pass, other: 1 });
  } else if (understood.kind === "malformed") {
    const malformed = [1, understood.bytes];
    expect({ ...where, ...seen }).toEqual({ ...where, ...nothing, verdict: drop, malformed });
  } else {
    const flow = flowOf(understood, fromLocal);
    const expected = verdictOf(flow, understood.tcpFlags, fromLocal);
    expect({ ...where, ...seen }).toEqual({
      ...{ ...where, ...nothing, verdict: expected, flows: [flow] },
      ...{ counted: [1, understood.bytes], denied: expected === drop ? 1 : 0 },
    });
  }
  return understood.kind === "flow" ? String(verdict) : understood.kind;
}

describe(`packets of all kinds, seed ${seed}`, () => {
  let datapath: Datapath;

  beforeAll(() => {
    datapath = new Datapath({ layer3: true });
    datapath.enforce(policy);
  }, 60_000);

  afterAll(() => datapath[Symbol.dispose]());

  it.each(programs)(
    "%s passes what its 5-tuple is allowed, and nothing malformed",
    (program) => {
      const dice = new Dice(seed);
      const outcomes = new Map<string, number>();
      for (let round = 0; round < rounds; round++) {
        const packet = mutate(dice, craft(dice, program.startsWith("from")));
        const framed = program.endsWith("l3") ? packet : inFrame(dice, packet);
        if (!isRunnable(framed)) continue;
        const outcome = check(datapath, program, framed);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      for (const one of [String(pass), String(drop), "malformed"])
        expect([one, (outcomes.get(one) ?? 0) > rounds / 100]).toEqual([one, true]);
    },
    60_000,
  );

  it("cut off at every byte, a packet is what is left of it", () => {
    const dice = new Dice(seed + 1);
    for (let round = 0; round < 12; round++) {
      const fromLocal = dice.chance(50);
      const framed = inFrame(dice, craft(dice, fromLocal));
      for (let length = 0; length <= framed.length; length++) {
        const rest = framed.subarray(0, length);
        if (isRunnable(rest)) check(datapath, fromLocal ? "from_workload" : "to_workload", rest);
      }
    }
  });

  it("later fragments have the verdict of the first, in whatever order and overlap", () => {
    const dice = new Dice(seed + 2);
    const firsts = new Map<string, { ports: [number, number]; protocol: number; class: string }>();
    for (let round = 0; round < 1000; round++) {
      if (round % 10 === 0) {
        forget(datapath);
        firsts.clear();
      }
      const packet = craft(dice, true);
      const understood = understand(packet, true);
      if (understood.kind !== "flow" || understood.fragment === undefined) continue;
      if (!isRunnable(packet)) continue;
      const id = `${understood.source} ${understood.destination} ${understood.fragment.id}`;
      const flow = flowOf(understood, true);
      if (understood.fragment.isFirst) {
        firsts.set(id, {
          ports: [flow.localPort, flow.remotePort],
          protocol: flow.protocol,
          class: flow.class,
        });
      } else {
        const first = firsts.get(id);
        if (first) {
          [flow.localPort, flow.remotePort] = first.ports;
          [flow.protocol, flow.class] = [first.protocol, first.class];
        }
      }
      const map = datapath.object.map("flows");
      for (const [key] of [...map.entries()]) map.delete(key);
      const verdict = datapath.run("from_workload_l3", packet);
      const hex = Buffer.from(packet).toString("hex");
      expect([seed, round, hex, verdict, flowsOf(datapath)]).toEqual([
        ...[seed, round, hex],
        verdictOf(flow, understood.tcpFlags, true),
        [flow],
      ]);
    }
  });
});
