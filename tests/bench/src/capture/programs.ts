import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAddress } from "@weir/codec";
import { BpfObject, testRun } from "libbpf-ts";
import type { BpfProgram } from "libbpf-ts";
import { loadFilter } from "../policy-filter.ts";
import type { Filter } from "../policy-filter.ts";
import { openWorld } from "../policy-world.ts";
import { percentile, result } from "../result.ts";
import type { Result } from "../result.ts";

/** Packets of a test run come from the loopback device. */
const loopback = 1;
const pod = "10.99.0.2";
const other = "10.99.0.1";
const [tcp, udp, icmp] = [6, 17, 1];
const [syn, ack, rstAck] = [2, 16, 20];

interface PacketOf {
  protocol: number;
  /** Of TCP. */
  flags?: number;
  port?: number;
  from?: number;
}

/** IPv4 in Ethernet, 100 bytes of payload, to the pod. */
function packetOf({ protocol, flags = ack, port = 8080, from = 5000 }: PacketOf): Uint8Array {
  const packet = new Uint8Array(14 + 20 + 20 + 100);
  const view = new DataView(packet.buffer);
  view.setUint16(12, 0x0800);
  packet.set([0x45, 0], 14);
  view.setUint16(16, packet.length - 14);
  packet.set([64, protocol], 22);
  packet.set(parseAddress(other).subarray(12), 26);
  packet.set(parseAddress(pod).subarray(12), 30);
  view.setUint16(34, protocol === icmp ? 0x0800 : from);
  view.setUint16(36, port);
  if (protocol === tcp) packet.set([0x50, flags], 46);
  if (protocol === udp) view.setUint16(38, packet.length - 34);
  return packet;
}

function arp(): Uint8Array {
  const packet = new Uint8Array(64);
  new DataView(packet.buffer).setUint16(12, 0x0806);
  return packet;
}

/** Average over many runs of one packet, the median of several such. */
function repeated(program: BpfProgram, packet: Uint8Array, repeat: number): number {
  const times = Array.from(
    { length: 9 },
    () => testRun(program, { dataIn: packet, repeat }).durationNs,
  );
  return percentile(times, 0.5);
}

/** Each packet once, the median: as cold as a system call leaves the caches. */
function once(program: BpfProgram, packets: Uint8Array[]): number {
  const times = packets.map((packet) => testRun(program, { dataIn: packet }).durationNs);
  return percentile(times, 0.5);
}

function loadEmpty(directory: string): BpfObject {
  const object = join(directory, "empty.bpf.o");
  const source = join(import.meta.dirname, "../policy-empty.bpf.c");
  execFileSync("clang", ["-g", "-O2", "-target", "bpf", "-c", source, "-o", object]);
  return BpfObject.open(object).load();
}

function observe(settings: Record<string, number>): Promise<Filter> {
  const endpoint = { namespace: "bench", pod: "server", ifindex: loopback, addresses: [] };
  const world = openWorld({ name: "server", address: pod });
  return loadFilter(world, [endpoint], undefined, false, settings);
}

/** A DNS answer that is copied for its names (it finds a ring that is full, as a busy one is) to one that is not. */
async function answerSwitch(repeat: number): Promise<Result> {
  const packet = packetOf({ protocol: udp, from: 53, port: 40_000 });
  // A response with one question and one answer.
  packet.set([0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1], 42);
  using on = await observe({ keep_answers: 1 });
  using off = await observe({ keep_answers: 0 });
  const [kept = 0, passed = 0] = [on, off].map(({ object }) => {
    const program = object.program("to_workload");
    testRun(program, { dataIn: packetOf({ protocol: udp, from: 53, port: 40_000 }) });
    return repeated(program, packet, repeat);
  });
  return result("capture", "switch-dns-answer", kept, "ns", passed);
}

/** Each hook alone, observing, without policy; baseline: a program that does nothing. */
export async function measurePrograms(quick: boolean): Promise<Result[]> {
  const directory = mkdtempSync(join(tmpdir(), "weir-program-"));
  try {
    using empty = loadEmpty(directory);
    using filter = await observe({});
    const nothing = empty.program("empty");
    const [from, to] = ["from_workload", "to_workload"].map((name) => filter.object.program(name));
    const repeat = quick ? 100_000 : 1_000_000;
    const lines: Result[] = [];
    const line = (name: string, value: number, alone: number): void => {
      lines.push(result("capture", `program-${name}`, value, "ns", alone));
    };
    const steady = (name: string, program: BpfProgram | undefined, packet: Uint8Array): void => {
      if (program === undefined) throw new Error("the object has no such program");
      testRun(program, { dataIn: packet });
      line(name, repeated(program, packet, repeat), repeated(nothing, packet, repeat));
    };
    steady("from-tcp", from, packetOf({ protocol: tcp }));
    steady("to-tcp", to, packetOf({ protocol: tcp }));
    steady("to-udp", to, packetOf({ protocol: udp }));
    steady("to-icmp", to, packetOf({ protocol: icmp }));
    steady("to-not-ip", to, arp());
    const each = (flags: number): Uint8Array[] =>
      Array.from({ length: quick ? 1000 : 5000 }, (_, at) =>
        packetOf({ protocol: tcp, flags, port: 9000, from: 1024 + at }),
      );
    const opening = each(syn);
    if (to === undefined) throw new Error("the object has no such program");
    const alone = once(nothing, opening);
    line("opening", once(to, opening), alone);
    line("closing", once(to, each(rstAck)), alone);
    lines.push(await answerSwitch(repeat));
    return lines;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
