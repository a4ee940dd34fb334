import { describe, expect, it } from "@jest/globals";
import { objectPath, Pin } from "../test/bed.ts";
import { readBtf } from "./btf.ts";
import { BpfMap } from "./map.ts";
import { BpfObject } from "./object.ts";
import { possibleCpus } from "./per_cpu.ts";
import { testRun } from "./test_run.ts";

interface PacketKey {
  ifindex: number;
  direction: number;
  pad?: Uint8Array;
}

interface PacketCount {
  packets: bigint;
  bytes: bigint;
  last: { port: number; address: Uint8Array };
  balance: number;
  color: number;
  low: number;
  high: number;
  flag: boolean;
  ports: number[];
}

const sample: PacketCount = {
  packets: 2n ** 63n,
  bytes: 1n,
  last: { port: 65_535, address: new Uint8Array(16).fill(5) },
  balance: -7,
  color: 2,
  low: 5,
  high: 100,
  flag: true,
  ports: [1, 2, 3],
};

describe("typed map", () => {
  it("reads what the program wrote", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    testRun(object.program("count_egress"), { dataIn: new Uint8Array(100), repeat: 3 });
    const entries = [...object.map("counts").typed<PacketKey, PacketCount>().entries()];
    expect(entries).toHaveLength(1);
    expect(entries[0]?.[0]).toMatchObject({ direction: 2 });
    expect(entries[0]?.[1]).toMatchObject({ packets: 3n });
  });

  it("gives back what was put in, of every kind of field", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    const counts = object.map("counts").typed<PacketKey, PacketCount>();
    const key = { ifindex: 1, direction: 1 };
    expect(counts.get(key)).toBeUndefined();
    counts.set(key, sample);
    expect(counts.get(key)).toEqual(sample);
    expect(counts.has(key)).toBe(true);
    expect(counts.delete(key)).toBe(true);
    expect(counts.has(key)).toBe(false);
  });

  it("has one value per CPU where the map has", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    const totals = object.map("totals").typed<number, bigint>();
    const values = Array.from({ length: possibleCpus() }, (_, cpu) => BigInt(cpu + 1));
    totals.setPerCpu(1, values);
    expect(totals.perCpu(1)).toEqual(values);
    expect([...totals.perCpuEntries()][1]).toEqual([1, values]);
    totals.set(1, 9n);
    expect(totals.perCpu(1)).toEqual(values.map(() => 9n));
  });

  it("knows the types of a pinned map from the kernel", () => {
    using pin = new Pin();
    {
      using object = BpfObject.open(objectPath("packets"), {
        maps: { counts: { pinnedAt: pin.path } },
      }).load();
      object
        .map("counts")
        .typed<PacketKey, PacketCount>()
        .set({ ifindex: 4, direction: 1 }, sample);
    }
    using pinned = BpfMap.openPinned(pin.path);
    expect(pinned.typed<PacketKey, PacketCount>().get({ ifindex: 4, direction: 1 })).toEqual(
      sample,
    );
  });

  it("takes names of types where the map has none, and says so", () => {
    using map = BpfMap.create({
      type: "hash",
      keySize: 8,
      valueSize: 56,
      maxEntries: 2,
      name: "bare",
    });
    expect(() => map.typed()).toThrow(expect.objectContaining({ code: "ENODATA" }));
    const btf = readBtf(objectPath("packets"));
    const typed = map.typed<PacketKey, PacketCount>({
      btf,
      key: "packet_key",
      value: "packet_count",
    });
    typed.set({ ifindex: 1, direction: 0 }, sample);
    expect(typed.get({ ifindex: 1, direction: 0 })).toEqual(sample);
  });
});
