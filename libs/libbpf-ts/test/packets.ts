import { BpfObject } from "../src/object.ts";
import { objectPath } from "./bed.ts";

/** packets.bpf.o, loaded: its programs count and emit nothing. */
export function loadPackets(): BpfObject {
  return BpfObject.open(objectPath("packets"), { settings: { emit: false } }).load();
}

/** Packets that its programs have counted. */
export function countedPackets(object: BpfObject): bigint {
  let sum = 0n;
  for (const [, value] of object.map("counts").typed<unknown, { packets: bigint }>().entries())
    sum += value.packets;
  return sum;
}
