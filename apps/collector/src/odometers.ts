import type { Odometer } from "@weir/codec";
import type { WantedInterface } from "./interfaces.ts";
import type { OdometerMaps } from "./odometer-maps.ts";

/** Fields of struct weir_odometer in order, all of them u64. */
const fields = [
  "from_packets",
  "from_bytes",
  "to_packets",
  "to_bytes",
  "other_packets",
  "malformed_packets",
  "malformed_bytes",
  "untracked_packets",
  "untracked_bytes",
  "denied_packets",
  "untracked_connections",
  "late_edges",
] as const satisfies (keyof Odometer)[];

/** How many reports still carry the odometer of an interface that is gone. */
const reportsAfterEnd = 3;

/** What passed each interface, for as long as somebody may want to add it up. */
export interface Odometers {
  /** Of the attached interfaces and of those that went a few reports ago. */
  read(attached: WantedInterface[]): Odometer[];
  /**
   * The interface is gone: its odometer is reported a few times more, then removed. `isWanted`: its
   * number comes back at once, before its flows are out of the map.
   */
  retire(gone: WantedInterface, isWanted: boolean): void;
  /** After each report that the bus took: removes what has been reported often enough. */
  reported(): void;
}

export function createOdometers(maps: OdometerMaps): Odometers {
  const sums = new BigUint64Array(fields.length);
  let retired: { last: Odometer; reportsLeft: number }[] = [];

  const readOne = (one: WantedInterface): Odometer => {
    const odometer = { ifindex: one.ifindex, interface: one.name } as Odometer;
    odometer.namespace = one.namespace;
    odometer.pod = one.pod;
    maps.read(one.ifindex, sums);
    fields.forEach((field, index) => (odometer[field] = Number(sums[index])));
    return odometer;
  };

  return {
    read: (attached) => [...attached.map(readOne), ...retired.map((one) => one.last)],
    retire(gone, isWanted) {
      // Its number may be given to another interface at once: that one starts at 0.
      retired.push({ last: readOne(gone), reportsLeft: reportsAfterEnd });
      maps.remove(gone.ifindex);
      if (!isWanted) maps.removeBudget(gone.ifindex);
    },
    reported() {
      for (const one of retired) one.reportsLeft--;
      retired = retired.filter((one) => one.reportsLeft > 0);
    },
  };
}
