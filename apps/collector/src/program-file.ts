import { existsSync } from "node:fs";
import { release } from "node:os";
import { BpfError, BpfObject } from "libbpf-ts";

const built = (name: string): string =>
  new URL(`../../../bpf/build/${name}.bpf.o`, import.meta.url).pathname;

/** The programs that this kernel takes, and what they go without, as `weir status` has it. */
export interface ProgramFile {
  path: string;
  /** False before Linux 5.12: neither the short way nor whose a socket is. */
  isComplete: boolean;
  hooks: Record<string, string>;
}

const without = "missing: not before Linux 5.12";

/**
 * Chosen by loading bpf/probe.bpf.c, not by the version. Throws when the objects are missing; a probe
 * that may not be loaded at all is left to the programs themselves, which say why.
 */
export function chooseProgramFile(probePath: string = built("probe")): ProgramFile {
  if (!existsSync(probePath)) {
    throw new Error(`${probePath} is missing; run "npm run setup", which compiles it`);
  }
  const complete = { path: built("flow"), isComplete: true, hooks: { atomics: "ok" } };
  try {
    using probe = BpfObject.open(probePath);
    probe.load();
    return complete;
  } catch (error) {
    if (!isRefusedByVerifier(error)) return complete;
    const why = `the eBPF of Linux ${release()} has no atomic exchange`;
    return {
      path: built("flow-before-5.12"),
      isComplete: false,
      hooks: {
        atomics: `missing: ${why}; counters are taken under locks`,
        redirect_peer: without,
        process: without,
        process_accepted: without,
      },
    };
  }
}

/** Programs of another place are taken for complete. */
export function programFileAt(path: string | undefined): ProgramFile {
  return path === undefined ? chooseProgramFile() : { path, isComplete: true, hooks: {} };
}

/** It was allowed to ask, and was told that the program is none for this kernel. */
function isRefusedByVerifier(error: unknown): boolean {
  return error instanceof BpfError && error.code !== "EPERM" && error.verifierLog !== "";
}
