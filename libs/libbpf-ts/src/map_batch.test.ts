import { describe, expect, it } from "@jest/globals";
import { BpfMap } from "./map.ts";
import { BatchCursor } from "./map_batch.ts";

const count = 1000;

function filled(type: "hash" | "array" | "lpm_trie" | "percpu_hash" = "hash"): BpfMap {
  const keySize = type === "lpm_trie" ? 8 : 4;
  const map = BpfMap.create({
    type,
    keySize,
    valueSize: 8,
    maxEntries: count,
    flags: type === "lpm_trie" ? 1 : 0,
  });
  const keys = new Uint8Array(count * keySize);
  const values = new Uint8Array(count * map.valueBytes);
  const keyWords = new Uint32Array(keys.buffer);
  const valueWords = new BigUint64Array(values.buffer);
  for (let i = 0; i < count; i++) {
    if (type === "lpm_trie") keyWords.set([32, i], i * 2);
    else keyWords[i] = i;
    valueWords.fill(BigInt(i) * 3n, (i * map.valueBytes) / 8, ((i + 1) * map.valueBytes) / 8);
  }
  map.updateBatch(keys, values, count);
  return map;
}

function collect(map: BpfMap, room: number, take: boolean = false): Map<number, bigint> {
  const cursor = new BatchCursor();
  const keys = new Uint8Array(room * map.keySize);
  const values = new Uint8Array(room * map.valueBytes);
  const found = new Map<number, bigint>();
  while (!cursor.done) {
    const n = take
      ? map.lookupAndDeleteBatch(cursor, keys, values)
      : map.lookupBatch(cursor, keys, values);
    const keyView = new DataView(keys.buffer);
    const valueView = new DataView(values.buffer);
    for (let i = 0; i < n; i++) {
      const key = keyView.getUint32((i + 1) * map.keySize - 4, true);
      found.set(key, valueView.getBigUint64(i * map.valueBytes, true));
    }
  }
  return found;
}

describe("batches", () => {
  it.each(["hash", "array", "lpm_trie", "percpu_hash"] as const)(
    "%s: writes and reads every entry once",
    (type) => {
      using map = filled(type);
      const found = collect(map, 300);
      expect(found.size).toBe(count);
      expect([...found].every(([key, value]) => value === BigInt(key) * 3n)).toBe(true);
    },
  );

  it("takes every entry, and leaves none", () => {
    using map = filled();
    expect(collect(map, 256, true).size).toBe(count);
    expect(collect(map, 256).size).toBe(0);
    expect(map.nextKey()).toBeUndefined();
  });

  it("a cursor at the end gives 0, and starts again after reset", () => {
    using map = filled();
    const cursor = new BatchCursor();
    const keys = new Uint8Array(count * 4);
    const values = new Uint8Array(count * 8);
    expect(map.lookupBatch(cursor, keys, values)).toBe(count);
    expect(cursor.done).toBe(true);
    expect(map.lookupBatch(cursor, keys, values)).toBe(0);
    cursor.reset();
    expect(map.lookupBatch(cursor, keys, values)).toBe(count);
  });

  it("deletes what it is given", () => {
    using map = filled();
    map.deleteBatch(new Uint8Array(Uint32Array.from([1, 2, 3]).buffer), 3);
    expect(collect(map, 300).size).toBe(count - 3);
  });

  it("says how many were done before the error", () => {
    using map = BpfMap.create({ type: "hash", keySize: 4, valueSize: 8, maxEntries: 10 });
    const keys = new Uint8Array(Uint32Array.from({ length: 12 }, (_, i) => i).buffer);
    const full = expect.objectContaining({ code: "E2BIG", completed: 10 });
    expect(() => map.updateBatch(keys, new Uint8Array(96), 12)).toThrow(full);
    const missing = new Uint8Array(Uint32Array.from([0, 1, 99, 2]).buffer);
    expect(() => map.deleteBatch(missing, 4)).toThrow(
      expect.objectContaining({ code: "ENOENT", completed: 2 }),
    );
  });

  it("never goes past the buffers it was given", () => {
    using map = filled();
    const short = expect.objectContaining({ code: "EMSGSIZE", completed: 0 });
    expect(() => map.updateBatch(new Uint8Array(8), new Uint8Array(800), 3)).toThrow(short);
    expect(() => map.updateBatch(new Uint8Array(800), new Uint8Array(16), 3)).toThrow(short);
    expect(() => map.deleteBatch(new Uint8Array(11), 3)).toThrow(short);
    const none = expect.objectContaining({ code: "ENOSPC" });
    expect(() =>
      map.lookupBatch(new BatchCursor(), new Uint8Array(3), new Uint8Array(800)),
    ).toThrow(none);
    const values = new Uint8Array(80).fill(0xee);
    map.lookupBatch(new BatchCursor(), new Uint8Array(400), values.subarray(0, 64));
    expect(values.subarray(64)).toEqual(new Uint8Array(16).fill(0xee));
  });

  it("an empty map ends at once, no elements are no call", () => {
    using map = BpfMap.create({ type: "hash", keySize: 4, valueSize: 8, maxEntries: 10 });
    expect(collect(map, 5).size).toBe(0);
    map.updateBatch(new Uint8Array(0), new Uint8Array(0), 0);
    map.deleteBatch(new Uint8Array(0), 0);
  });
});
