import { describe, expect, it } from "@jest/globals";
import { objectPath, Pin } from "../test/bed.ts";
import { attachIterator, IteratorLink, openIterator } from "./iterator.ts";
import type { IteratorReader } from "./iterator.ts";
import type { BpfMap } from "./map.ts";
import { BpfObject } from "./object.ts";

interface Entry {
  total: bigint;
  reported: bigint;
}

function fill(map: BpfMap, count: number): void {
  const typed = map.typed<number, Entry>();
  for (let key = 0; key < count; key++) typed.set(key, { total: BigInt(key) + 1n, reported: 0n });
}

/** [key, difference] of every record, read through a buffer of `bytes`. */
function readAll(reader: IteratorReader, bytes: number): Map<number, bigint> {
  const parts: Buffer[] = [];
  const buffer = new Uint8Array(bytes);
  for (let count = reader.readInto(buffer); count > 0; count = reader.readInto(buffer)) {
    parts.push(Buffer.from(buffer.subarray(0, count)));
  }
  const all = Buffer.concat(parts);
  const found = new Map<number, bigint>();
  for (let at = 0; at < all.length; at += 16)
    found.set(Number(all.readBigUInt64LE(at)), all.readBigUInt64LE(at + 8));
  return found;
}

describe("iterator", () => {
  it("walks a hash map, writes into its values, and can be opened again", () => {
    using object = BpfObject.open(objectPath("walk")).load();
    const entries = object.map("entries");
    fill(entries, 2000);
    using link = attachIterator(object.program("report"), { map: entries });
    expect(link.info().type).toBe("iter");
    const sweep = (bytes: number) => {
      using reader = link.open();
      return readAll(reader, bytes);
    };
    const first = sweep(65_536);
    expect(first.size).toBe(2000);
    expect(first.get(1234)).toBe(1235n);
    expect(sweep(65_536).size).toBe(0);
    entries.typed<number, Entry>().set(7, { total: 108n, reported: 8n });
    expect([...sweep(65_536)]).toEqual([[7, 100n]]);
  });

  it("reports every entry once, however small the reader's buffer", () => {
    using object = BpfObject.open(objectPath("walk")).load();
    fill(object.map("entries"), 500);
    using reader = openIterator(object.program("report"), { map: object.map("entries") });
    expect(readAll(reader, 16 * 3).size).toBe(500);
  });

  it("is read on another thread while this one goes on, and when it was closed meanwhile", async () => {
    using object = BpfObject.open(objectPath("walk")).load();
    const entries = object.map("entries");
    fill(entries, 2000);
    const buffer = new Uint8Array(65_536);
    const reader = openIterator(object.program("report"), { map: entries });
    let bytes = 0;
    for (let read = await reader.readIntoAsync(buffer); read > 0;) {
      bytes += read;
      read = await reader.readIntoAsync(buffer);
    }
    expect(bytes).toBe(2000 * 16);
    const last = reader.readIntoAsync(buffer);
    reader.close();
    expect(await last).toBe(0);
    await expect(reader.readIntoAsync(buffer)).rejects.toMatchObject({ code: "EBADF" });
    const small = openIterator(object.program("report"), { map: entries });
    await expect(small.readIntoAsync(new Uint8Array(0))).resolves.toBe(0);
  });

  it("has the map that was named as its target", () => {
    using object = BpfObject.open(objectPath("walk")).load();
    fill(object.map("others"), 3);
    using reader = openIterator(object.program("report"), { map: object.map("others") });
    expect(readAll(reader, 4096).size).toBe(3);
  });

  it("is found again by its pin", () => {
    using pin = new Pin();
    using object = BpfObject.open(objectPath("walk")).load();
    fill(object.map("entries"), 9);
    attachIterator(object.program("report"), { map: object.map("entries") }).pin(pin.path);
    using link = IteratorLink.openPinned(pin.path);
    using reader = link.open();
    expect(readAll(reader, 4096).size).toBe(9);
  });

  it("refuses a map iterator without a map, and a reader that is closed", () => {
    using object = BpfObject.open(objectPath("walk")).load();
    expect(() => attachIterator(object.program("report"))).toThrow(
      expect.objectContaining({ code: "EBADF" }),
    );
    const reader = openIterator(object.program("report"), { map: object.map("entries") });
    reader.close();
    expect(() => reader.readInto(new Uint8Array(16))).toThrow(
      expect.objectContaining({ code: "EBADF" }),
    );
  });
});
