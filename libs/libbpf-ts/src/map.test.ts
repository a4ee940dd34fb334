import { describe, expect, it } from "@jest/globals";
import { objectPath, Pin } from "../test/bed.ts";
import { BpfError } from "./error.ts";
import type { MapType } from "./kinds.ts";
import type { MapOptions } from "./map.ts";
import { BpfMap } from "./map.ts";
import { BpfObject } from "./object.ts";
import { possibleCpus, sumPerCpu } from "./per_cpu.ts";
import { testRun } from "./test_run.ts";

function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function u64(...values: bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values).buffer);
}

function create(type: MapType, options: Partial<MapOptions> = {}): BpfMap {
  return BpfMap.create({ type, keySize: 4, valueSize: 8, maxEntries: 16, ...options });
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof BpfError) return error.code;
    throw error;
  }
  return "nothing was thrown";
}

describe("map", () => {
  it("of an array is memory, shared with whoever has the map", () => {
    using map = create("array", { maxEntries: 3, valueSize: 4096, flags: 1024 });
    const memory = map.memory();
    expect(memory.length).toBe(3 * 4096);
    memory.set([7, 8, 9], 4096);
    expect(map.lookup(u32(1))?.subarray(0, 3)).toEqual(Uint8Array.of(7, 8, 9));
    map.update(u32(2), new Uint8Array(4096).fill(5));
    expect(memory[2 * 4096]).toBe(5);
    map.close();
    memory[0] = 1;
    expect(memory[0]).toBe(1);
    using plain = create("array");
    expect(codeOf(() => plain.memory())).toBe("EINVAL");
    using hash = create("hash");
    expect(codeOf(() => hash.memory())).toBe("EINVAL");
  });

  it.each<MapType>(["hash", "lru_hash"])("%s: looks up, updates, deletes", (type) => {
    using map = create(type, { name: "sample" });
    expect(map).toMatchObject({
      name: "sample",
      type,
      keySize: 4,
      valueSize: 8,
      valueBytes: 8,
      maxEntries: 16,
    });
    expect(map.lookup(u32(1))).toBeUndefined();
    map.update(u32(1), u64(10n));
    map.update(u32(2), u64(20n), "noexist");
    expect(map.lookup(u32(1))).toEqual(u64(10n));
    expect(codeOf(() => map.update(u32(1), u64(0n), "noexist"))).toBe("EEXIST");
    expect(codeOf(() => map.update(u32(3), u64(0n), "exist"))).toBe("ENOENT");
    const out = new Uint8Array(24).fill(7);
    expect(map.lookupInto(u32(2), out)).toBe(true);
    expect(out.subarray(0, 8)).toEqual(u64(20n));
    expect(out.subarray(8)).toEqual(new Uint8Array(16).fill(7));
    expect(map.lookupInto(u32(9), out)).toBe(false);
    expect(map.delete(u32(1))).toBe(true);
    expect(map.delete(u32(1))).toBe(false);
    expect(map.lookupAndDelete(u32(2))).toEqual(u64(20n));
    expect([...map.entries()]).toEqual([]);
  });

  it("array: has every index and no other", () => {
    using map = create("array", { maxEntries: 3 });
    map.update(u32(2), u64(5n));
    expect([...map.entries()].map(([key]) => key)).toEqual([u32(0), u32(1), u32(2)]);
    expect(map.lookup(u32(2))).toEqual(u64(5n));
    expect(codeOf(() => map.update(u32(3), u64(1n)))).toBe("E2BIG");
    expect(codeOf(() => map.delete(u32(0)))).toBe("EINVAL");
  });

  it("refuses one more than it has room for", () => {
    using map = create("hash", { maxEntries: 2 });
    map.update(u32(1), u64(1n));
    map.update(u32(2), u64(1n));
    expect(codeOf(() => map.update(u32(3), u64(1n)))).toBe("E2BIG");
  });

  it("lpm_trie: finds the longest prefix", () => {
    using map = create("lpm_trie", { keySize: 8, flags: 1 });
    const key = (bits: number, ...bytes: number[]) => new Uint8Array([...u32(bits), ...bytes]);
    map.update(key(8, 10, 0, 0, 0), u64(8n));
    map.update(key(24, 10, 1, 2, 0), u64(24n));
    expect(map.lookup(key(32, 10, 1, 2, 3))).toEqual(u64(24n));
    expect(map.lookup(key(32, 10, 9, 9, 9))).toEqual(u64(8n));
    expect(map.lookup(key(32, 11, 0, 0, 1))).toBeUndefined();
    expect([...map.entries()].length).toBe(2);
  });

  it.each<MapType>(["percpu_hash", "percpu_array", "lru_percpu_hash"])(
    "%s: has a value for each CPU",
    (type) => {
      using map = create(type, { valueSize: 12, maxEntries: 4 });
      expect(map.valueBytes).toBe(16 * possibleCpus());
      const value = new Uint8Array(map.valueBytes);
      for (let cpu = 0; cpu < possibleCpus(); cpu++) value.set(u64(BigInt(cpu + 1)), cpu * 16);
      map.update(u32(1), value);
      expect(map.lookup(u32(1))).toEqual(value);
      const sum = sumPerCpu(value, 12);
      expect([...sum]).toEqual([BigInt((possibleCpus() * (possibleCpus() + 1)) / 2)]);
      expect(codeOf(() => map.update(u32(1), new Uint8Array(12)))).toBe("EMSGSIZE");
    },
  );

  it("per-CPU counts of a program add up", () => {
    using object = BpfObject.open(objectPath("packets"), { settings: { emit: false } }).load();
    testRun(object.program("count_ingress"), { dataIn: new Uint8Array(64), repeat: 40 });
    const totals = object.map("totals");
    expect(sumPerCpu(totals.lookup(u32(0)) as Uint8Array, totals.valueSize)[0]).toBe(40n);
  });

  it("queue and stack: give back in their order, with keys of no bytes", () => {
    const none = new Uint8Array(0);
    using queue = create("queue", { keySize: 0 });
    using stack = create("stack", { keySize: 0 });
    for (const map of [queue, stack]) for (const value of [1n, 2n]) map.update(none, u64(value));
    expect([queue.lookupAndDelete(none), queue.lookupAndDelete(none)]).toEqual([u64(1n), u64(2n)]);
    expect([stack.lookupAndDelete(none), stack.lookupAndDelete(none)]).toEqual([u64(2n), u64(1n)]);
    expect(queue.lookupAndDelete(none)).toBeUndefined();
  });

  it("walks by key, and by batches over more than one batch", () => {
    using map = create("hash", { maxEntries: 3000 });
    for (let i = 0; i < 2500; i++) map.update(u32(i), u64(BigInt(i)));
    const seen = new Map(
      [...map.entries()].map(([key, value]) => [new Uint32Array(key.slice().buffer)[0], value]),
    );
    expect(seen.size).toBe(2500);
    expect(seen.get(1234)).toEqual(u64(1234n));
    let count = 0;
    for (let key = map.nextKey(); key; key = map.nextKey(key)) count++;
    expect(count).toBe(2500);
  });

  it("checks every length before the kernel sees it", () => {
    using map = create("hash");
    const runs: (() => unknown)[] = [
      () => map.lookup(new Uint8Array(3)),
      () => map.lookupInto(u32(1), new Uint8Array(7)),
      () => map.update(u32(1), new Uint8Array(7)),
      () => map.update(u32(1), new Uint8Array(9)),
      () => map.delete(new Uint8Array(5)),
      () => map.nextKey(new Uint8Array(8)),
      () => map.lookupAndDelete(new Uint8Array(0)),
    ];
    expect(runs.map(codeOf)).toEqual(runs.map(() => "EMSGSIZE"));
  });

  it("map of maps: switches an inner map at once, as the program sees it", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    const slots = object.map("slots");
    const packet = new Uint8Array(64);
    packet.set([1, 7]);
    const ask = () => testRun(object.program("read_slot"), { dataIn: packet }).retval;
    expect(ask()).toBe(1000);
    using first = object.createInner("slots");
    first.update(u32(7), u64(111n));
    slots.setInner(1, first);
    expect(ask()).toBe(111);
    expect(slots.innerId(1)).toBe(first.id);
    using second = object.createInner("slots", { maxEntries: 100, name: "larger" });
    expect(second).toMatchObject({ name: "larger", maxEntries: 100, type: "hash" });
    second.typed<number, bigint>().set(7, 222n);
    slots.setInner(1, second);
    expect(ask()).toBe(222);
    expect(slots.innerId(0)).toBeUndefined();
    using again = BpfMap.fromId(slots.innerId(1) as number);
    expect(again.lookup(u32(7))).toEqual(u64(222n));
  });

  it("map of maps made by hand", () => {
    using template = create("array", { maxEntries: 1 });
    using outer = create("hash_of_maps", { valueSize: 4, like: template });
    using inner = create("array", { maxEntries: 1 });
    using unlike = create("hash");
    outer.setInner(u32(9), inner);
    expect(outer.innerId(u32(9))).toBe(inner.id);
    expect(codeOf(() => outer.setInner(u32(9), unlike))).toBe("EINVAL");
    expect(codeOf(() => create("array_of_maps", { valueSize: 4 }))).not.toBe("nothing was thrown");
  });

  it("pins, opens the pin, and lives on in it", () => {
    using pin = new Pin();
    const map = create("hash");
    map.update(u32(1), u64(4n));
    map.pin(pin.path);
    map.close();
    using again = BpfMap.openPinned(pin.path);
    expect(again.lookup(u32(1))).toEqual(u64(4n));
    again.unpin(pin.path);
    expect(codeOf(() => BpfMap.openPinned(pin.path))).toBe("ENOENT");
  });

  it("freeze leaves reading", () => {
    using map = create("array");
    map.update(u32(0), u64(3n));
    map.freeze();
    expect(codeOf(() => map.update(u32(0), u64(4n)))).toBe("EPERM");
    expect(map.lookup(u32(0))).toEqual(u64(3n));
  });

  it("says why it cannot be created", () => {
    expect(codeOf(() => create("hash", { maxEntries: 0 }))).toBe("EINVAL");
    expect(codeOf(() => create("hash", { name: "longer than fifteen" }))).toBe("ENAMETOOLONG");
    expect(() => create("nothing" as MapType)).toThrow("nothing is no map type");
  });
});
