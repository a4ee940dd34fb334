import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAddress } from "@weir/codec";
import { BpfObject, testRun } from "libbpf-ts";
import type { BpfProgram } from "libbpf-ts";
import { loadFilter } from "./policy-filter.ts";
import { compiledWorld, peerAddress } from "./policy-world.ts";
import { percentile, result } from "./result.ts";
import type { Result } from "./result.ts";

/** Packets of a test run come from the loopback device. */
const loopback = 1;
const serverAddress = "10.99.0.2";
const syn = 2;
const ack = 16;
/** At which `peer-5` of the world is let in. */
const openPort = 1024 + 5;

/** TCP over IPv4 in Ethernet, 100 bytes of payload. */
function segment(source: string, sourcePort: number, port: number, flags: number): Uint8Array {
  const packet = new Uint8Array(14 + 20 + 20 + 100);
  const view = new DataView(packet.buffer);
  view.setUint16(12, 0x0800);
  packet.set([0x45, 0], 14);
  view.setUint16(16, packet.length - 14);
  packet.set([64, 6], 22);
  packet.set(parseAddress(source).subarray(12), 26);
  packet.set(parseAddress(serverAddress).subarray(12), 30);
  view.setUint16(34, sourcePort);
  view.setUint16(36, port);
  packet.set([0x50, flags], 46);
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
  return percentile(
    packets.map((packet) => testRun(program, { dataIn: packet }).durationNs),
    0.5,
  );
}

function loadEmpty(directory: string): BpfObject {
  const object = join(directory, "empty.bpf.o");
  const source = join(import.meta.dirname, "policy-empty.bpf.c");
  execFileSync("clang", ["-g", "-O2", "-target", "bpf", "-c", source, "-o", object]);
  return BpfObject.open(object).load();
}

/** The program alone, by BPF_PROG_TEST_RUN; baseline: a program that does nothing, in the same way. */
export async function measurePrograms(policies: number, quick: boolean): Promise<Result[]> {
  const directory = mkdtempSync(join(tmpdir(), "weir-program-"));
  try {
    using empty = loadEmpty(directory);
    const compiled = compiledWorld(
      { name: "client", address: "10.99.0.1" },
      { name: "server", address: serverAddress },
      policies,
    );
    const pod = { namespace: "bench", pod: "server", ifindex: loopback, addresses: [] };
    using filter = await loadFilter(compiled, [pod], undefined, true);
    const program = filter.object.program("to_workload");
    const nothing = empty.program("empty");
    const repeat = quick ? 100_000 : 1_000_000;
    const established = segment(peerAddress(5), 5000, openPort, ack);
    const denied = segment(peerAddress(5), 5000, 9, ack);
    testRun(program, { dataIn: segment(peerAddress(5), 5000, openPort, syn) });
    testRun(program, { dataIn: segment(peerAddress(5), 5000, 9, syn) });
    const fresh = Array.from({ length: quick ? 1000 : 5000 }, (_, at) =>
      segment(peerAddress(1 + at), 6000, 1024 + 1 + at, syn),
    );
    const line = (name: string, value: number, alone: number): Result =>
      result("policy", name, value, "ns", alone);
    const still = repeated(nothing, established, repeat);
    return [
      line("program-established", repeated(program, established, repeat), still),
      line("program-denied", repeated(program, denied, repeat), still),
      line("program-new", once(program, fresh), once(nothing, fresh)),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
