/** Passes packets in turn to a pinned program, as fast as it can, on a thread of its own. */
import { workerData } from "node:worker_threads";
import { BpfProgram, testRun } from "libbpf-ts";

export interface TakingWork {
  pin: string;
  packets: Uint8Array[];
  rounds: number;
  /** Times in the kernel without a pause. */
  repeat: number;
}

const { pin, packets, rounds, repeat } = workerData as TakingWork;
using program = BpfProgram.openPinned(pin);
for (let round = 0; round < rounds; round++) {
  for (const dataIn of packets) testRun(program, { dataIn, repeat });
}
