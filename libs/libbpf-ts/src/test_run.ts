import { checked } from "./error.ts";
import type { NativeTestRun } from "./native.ts";
import { native } from "./native.ts";
import { handleOf } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

export interface TestRunOptions {
  /** The packet, of network programs: at least an Ethernet header (14 bytes). */
  dataIn?: Uint8Array;
  /** Room for the packet afterwards; default: that of dataIn plus 256. */
  dataOutBytes?: number;
  /** E.g. struct __sk_buff, or the arguments of a raw tracepoint. */
  ctxIn?: Uint8Array;
  ctxOutBytes?: number;
  /** Default 1. */
  repeat?: number;
  /** BPF_F_TEST_* */
  flags?: number;
}

export interface TestRunResult {
  retval: number;
  /** Per run, the average over the repeats. */
  durationNs: number;
  dataOut: Uint8Array;
  ctxOut: Uint8Array;
}

/** Runs a program once, or `repeat` times, on given data (BPF_PROG_TEST_RUN). */
export function testRun(program: BpfProgram, options: TestRunOptions = {}): TestRunResult {
  const { dataIn, ctxIn, repeat = 1, flags = 0 } = options;
  const dataOut = new Uint8Array(options.dataOutBytes ?? (dataIn ? dataIn.length + 256 : 0));
  const ctxOut = new Uint8Array(options.ctxOutBytes ?? 0);
  const result = checked<NativeTestRun>(
    `test run of ${program.name}`,
    // The kernel refuses buffers a program type has no use for: none rather than an empty one.
    native.testRun(
      program[handleOf],
      dataIn,
      some(dataOut),
      ctxIn,
      some(ctxOut),
      dataIn ? repeat : 0,
      flags,
    ),
  );
  return {
    retval: result.retval,
    durationNs: result.durationNs,
    dataOut: dataOut.subarray(0, result.dataBytes),
    ctxOut: ctxOut.subarray(0, result.ctxBytes),
  };
}

function some(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length > 0 ? bytes : undefined;
}
