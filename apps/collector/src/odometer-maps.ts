import { possibleCpus, sumPerCpu } from "libbpf-ts";
import type { BpfMap } from "libbpf-ts";

/** ODOMETER_SLOTS of bpf/maps.h: the low bits of an interface's number are its place. */
const slotCount = 4096;

/** Where the kernel counts what passes each interface. */
export interface OdometerMaps {
  /** Before an interface is attached; one that is there already goes on counting. */
  open(ifindex: number): void;
  /** Sums over all CPUs, in the order of struct weir_odometer; false where there is none. */
  read(ifindex: number, sums: BigUint64Array): boolean;
  remove(ifindex: number): void;
  /**
   * Not while an interface with this number is attached, or to be: the budget counts the entries
   * that the number has, and each that is deleted later counts down.
   */
  removeBudget(ifindex: number): void;
}

/** The loaded programs' maps by name. */
export interface MapSource {
  map(name: "odometer_slots" | "odometers" | "budgets"): BpfMap;
}

/**
 * Most interfaces have a slot of their own, which a program finds without hashing. Two whose numbers
 * end alike cannot both have it: the later one's odometer is in a hash map, as is that of an
 * interface whose packet was earlier than we.
 */
export function odometerMapsOf(datapath: MapSource): OdometerMaps {
  const slots = datapath.map("odometer_slots");
  const spilled = datapath.map("odometers");
  const budgets = datapath.map("budgets");
  const slot = new Uint8Array(slots.valueBytes);
  const slotView = new DataView(slot.buffer);
  const value = new Uint8Array(spilled.valueBytes);
  const ownerAt = spilled.valueSize;

  const placeOf = (ifindex: number): Uint8Array => keyOf(ifindex % slotCount);
  const ownerOf = (ifindex: number): number => {
    slots.lookupInto(placeOf(ifindex), slot);
    return Number(slotView.getBigUint64(ownerAt, true));
  };
  return {
    open(ifindex) {
      const owner = ownerOf(ifindex);
      if (owner === ifindex) return;
      if (owner === 0) {
        slot.fill(0);
        const stride = slots.valueBytes / possibleCpus();
        for (let cpu = 0; cpu < slot.length; cpu += stride)
          slotView.setBigUint64(cpu + ownerAt, BigInt(ifindex), true);
        slots.update(placeOf(ifindex), slot);
      } else if (!spilled.lookupInto(keyOf(ifindex), value)) {
        spilled.update(keyOf(ifindex), new Uint8Array(spilled.valueBytes));
      }
    },
    read(ifindex, sums) {
      sums.fill(0n);
      const isOwner = ownerOf(ifindex) === ifindex;
      if (isOwner) sumPerCpu(slot, slots.valueSize, sums);
      const isSpilled = spilled.lookupInto(keyOf(ifindex), value);
      if (isSpilled) {
        const rest = sumPerCpu(value, spilled.valueSize);
        for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0n) + (rest[i] ?? 0n);
      }
      return isOwner || isSpilled;
    },
    remove(ifindex) {
      if (ownerOf(ifindex) === ifindex)
        slots.update(placeOf(ifindex), new Uint8Array(slots.valueBytes));
      spilled.delete(keyOf(ifindex));
    },
    removeBudget(ifindex) {
      budgets.delete(keyOf(ifindex));
    },
  };
}

function keyOf(number: number): Uint8Array {
  return new Uint8Array(new Uint32Array([number]).buffer);
}
