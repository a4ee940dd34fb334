import { describe, expect, it } from "@jest/globals";
import { objectPath, Pin } from "../test/bed.ts";
import { BpfMap } from "./map.ts";
import { BpfObject } from "./object.ts";
import { RingReader } from "./ring.ts";
import { testRun } from "./test_run.ts";

interface Entry {
  total: bigint;
  reported: bigint;
}

function open(
  path: string,
  options: { maxEntries?: number; onIncompatible?: "fail" | "replace" } = {},
): BpfObject {
  return BpfObject.open(objectPath("walk"), { maps: { entries: { pinnedAt: path, ...options } } });
}

describe("pinned maps of an object", () => {
  it("are made and pinned first, found again then", () => {
    using pin = new Pin();
    {
      using first = open(pin.path).load();
      first.map("entries").typed<number, Entry>().set(5, { total: 50n, reported: 0n });
    }
    using second = open(pin.path).load();
    expect(second.map("entries").typed<number, Entry>().get(5)).toEqual({
      total: 50n,
      reported: 0n,
    });
    using pinned = BpfMap.openPinned(pin.path);
    expect(second.map("entries").id).toBe(pinned.id);
  });

  it("unlike the object's are refused with what differs, or replaced", () => {
    using pin = new Pin();
    open(pin.path).load().close();
    const differs = expect.objectContaining({
      code: "EEXIST",
      message: expect.stringContaining("max entries is 4096, should be 99"),
    });
    expect(() => open(pin.path, { maxEntries: 99 })).toThrow(differs);
    using replaced = open(pin.path, { maxEntries: 99, onIncompatible: "replace" }).load();
    using pinned = BpfMap.openPinned(pin.path);
    expect(pinned).toMatchObject({ id: replaced.map("entries").id, maxEntries: 99 });
  });

  it("that are something else are refused", () => {
    using pin = new Pin();
    using object = BpfObject.open(objectPath("packets")).load();
    object.program("pass_all").pin(pin.path);
    expect(() => open(pin.path)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("nothing is pinned when the load fails", () => {
    using pin = new Pin();
    using object = BpfObject.open(objectPath("refused"), {
      maps: { cells: { pinnedAt: pin.path } },
    });
    expect(() => object.load()).toThrow("invalid mem access");
    expect(() => BpfMap.openPinned(pin.path)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  it("are pinned all or none", () => {
    using first = new Pin();
    using taken = new Pin();
    using blocker = BpfMap.create({ type: "array", keySize: 4, valueSize: 4, maxEntries: 1 });
    using object = BpfObject.open(objectPath("walk"), {
      maps: { entries: { pinnedAt: first.path }, others: { pinnedAt: taken.path } },
    });
    blocker.pin(taken.path);
    expect(() => object.load()).toThrow(expect.objectContaining({ code: "EEXIST" }));
    expect(() => BpfMap.openPinned(first.path)).toThrow(
      expect.objectContaining({ code: "ENOENT" }),
    );
  });

  it("a ring is gone on with where the last reader stopped", () => {
    using pin = new Pin();
    const config = { maps: { records: { pinnedAt: pin.path } } };
    const buffer = new Uint8Array(16 * 64);
    const produce = (object: BpfObject) =>
      testRun(object.program("produce"), { dataIn: new Uint8Array(64), repeat: 3 });
    {
      using object = BpfObject.open(objectPath("packets"), config).load();
      using reader = new RingReader(object.map("records"));
      produce(object);
      expect(reader.drainInto(buffer.subarray(0, 16), 16)).toBe(1);
    }
    using object = BpfObject.open(objectPath("packets"), config).load();
    object.globals.set("sequence", 100n);
    produce(object);
    using reader = new RingReader(object.map("records"));
    expect(reader.drainInto(buffer, 16)).toBe(5);
    const sequences = Array.from({ length: 5 }, (_, i) =>
      new DataView(buffer.buffer).getBigUint64(i * 16, true),
    );
    expect(sequences).toEqual([1n, 2n, 100n, 101n, 102n]);
  });

  it("maps of maps are found again with what is in them", () => {
    using pin = new Pin();
    const config = { maps: { slots: { pinnedAt: pin.path } } };
    {
      using object = BpfObject.open(objectPath("packets"), config).load();
      using inner = object.createInner("slots");
      inner.typed<number, bigint>().set(3, 33n);
      object.map("slots").setInner(0, inner);
    }
    using object = BpfObject.open(objectPath("packets"), config).load();
    const packet = new Uint8Array(64);
    packet.set([0, 3]);
    expect(testRun(object.program("read_slot"), { dataIn: packet }).retval).toBe(33);
  });
});
