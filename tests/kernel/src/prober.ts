/**
 * A thread that passes packets to the programs while another changes the policy. Each is the first of
 * a connection, so each is judged. Tells every packet's question, time before, time after and verdict,
 * as numbers in a row; ends when it is told to.
 */
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { BpfProgram, testRun } from "libbpf-ts";

export interface ProberTask {
  /** Ids of the programs for either side. */
  programs: { ingress: number; egress: number };
  probes: { side: "ingress" | "egress"; packet: Uint8Array; portAt: number }[];
  /** Not 0: the end. */
  over: Int32Array<SharedArrayBuffer>;
  /** So that other work gets the processor, too. */
  pauseMs: number;
}

const task = workerData as ProberTask;
const drop = 2;
const context = new Uint8Array(192);
const programs = {
  ingress: BpfProgram.fromId(task.programs.ingress),
  egress: BpfProgram.fromId(task.programs.egress),
};

const now = (): number => Number(process.hrtime.bigint());

let port = 1024;
while (Atomics.load(task.over, 0) === 0) {
  const seen = new Float64Array(task.probes.length * 4);
  port = port > 64_000 ? 1024 : port + 1;
  task.probes.forEach(({ side, packet, portAt }, index) => {
    packet[portAt] = port >> 8;
    packet[portAt + 1] = port & 0xff;
    const before = now();
    const { retval } = testRun(programs[side], { dataIn: packet, ctxIn: context });
    seen.set([index, before, now(), retval === drop ? 0 : 1], index * 4);
  });
  parentPort?.postMessage(seen, [seen.buffer]);
  await pause(task.pauseMs);
}
