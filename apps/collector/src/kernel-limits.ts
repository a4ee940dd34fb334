import { release } from "node:os";
import { BpfError } from "libbpf-ts";

/** How the verifier of a kernel without atomic exchange (before 5.12) calls it. */
const noAtomics = /BPF_STX uses reserved fields|unknown opcode (db|c3)/;

/** Why the programs cannot run on this kernel at all, for people; undefined where it is not that. */
export function kernelTooOld(error: unknown, kernel = release()): string | undefined {
  if (!(error instanceof BpfError) || !noAtomics.test(error.verifierLog)) return undefined;
  return `Linux ${kernel} has no atomic exchange in eBPF, by which counters leave the flow map without a loss: weir runs on Linux 5.12 and newer (arm64: 5.18)`;
}
