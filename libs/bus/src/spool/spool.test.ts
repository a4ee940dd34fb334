import { readFileSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Folder, injectedFaults, item, numbers, open, readAll } from "../testing/spool.ts";
import { removeSpool } from "./index.ts";
import type { SpoolDisk } from "./index.ts";

function segmentsOf(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".blocks"))
    .toSorted((one, other) => one.localeCompare(other));
}

describe("a spool", () => {
  it("gives back what it was given, in order, and forgets what the bus has", async () => {
    using folder = new Folder();
    using spool = await open(folder.path);
    for (let n = 1; n <= 5; n++) spool.append(item(n));
    expect(spool.counters).toMatchObject({
      waitingBlocks: 5,
      waitingRecords: 50,
      waitingBytes: 100,
    });
    const first = spool.read(200);
    expect(numbers(first)).toEqual([1, 2]);
    expect(first[0]).toMatchObject({ ...item(1), value: expect.anything() as Buffer });
    spool.release(first[1]!);
    expect(spool.settled).toEqual({ stream: "boot-1", number: 2, total: 20 });
    expect(readAll(spool)).toEqual([3, 4, 5]);
    expect(spool.counters).toMatchObject({ waitingBlocks: 0, waitingRecords: 0, waitingBytes: 0 });
    spool.append(item(6));
    expect(readAll(spool)).toEqual([6]);
    expect(spool.last).toEqual({ stream: "boot-1", number: 6, total: 60 });
  });

  it("goes on after a restart where the bus was, over many segments", async () => {
    using folder = new Folder();
    const more = { segmentBytes: 1000, maxBytes: 1 << 20 };
    {
      using spool = await open(folder.path, more);
      for (let n = 1; n <= 40; n++) spool.append(item(n, 100));
      expect(segmentsOf(folder.path).length).toBeGreaterThan(5);
      const some = spool.read(1200);
      spool.release(some.at(-1)!);
      // Read and not released: it comes again.
      expect(spool.read(500).length).toBeGreaterThan(0);
    }
    using spool = await open(folder.path, more);
    const from = spool.settled.number + 1;
    expect(from).toBeGreaterThan(1);
    expect(readAll(spool, 700)).toEqual(Array.from({ length: 41 - from }, (_, i) => from + i));
    expect(segmentsOf(folder.path).length).toBeLessThanOrEqual(1);
    expect(spool.last.number).toBe(40);
  });

  it("remembers the last block when nothing is left of it", async () => {
    using folder = new Folder();
    for (let n = 1; n <= 3; n++) {
      using spool = await open(folder.path);
      expect(spool.last.number).toBe(n - 1);
      spool.append(item(n));
      expect(readAll(spool)).toEqual([n]);
    }
    expect(await removeSpool(folder.path)).toBe(true);
    expect(await removeSpool(folder.path)).toBe(true);
  });

  it("keeps to its bound: the oldest go, counted, but not what the reader has in hand", async () => {
    using folder = new Folder();
    const more = { segmentBytes: 1000, maxBytes: 5000 };
    let hand: number[];
    {
      using spool = await open(folder.path, more);
      spool.append(item(1, 100));
      const inHand = spool.read(1);
      hand = numbers(inHand);
      for (let n = 2; n <= 100; n++) {
        spool.append(item(n, 100));
        const bytes = segmentsOf(folder.path).map(
          (name) => readFileSync(join(folder.path, name)).length,
        );
        expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(5000);
      }
      const { droppedBlocks, droppedRecords, droppedBytes } = spool.counters;
      expect(droppedBlocks).toBeGreaterThan(50);
      expect([droppedRecords, droppedBytes]).toEqual([droppedBlocks * 10, droppedBlocks * 100]);
      spool.release(inHand.at(-1)!);
    }
    using spool = await open(folder.path, more);
    const left = readAll(spool);
    expect(left.at(-1)).toBe(100);
    expect(hand.length + left.length + spool.counters.droppedBlocks).toBe(100);
    expect(spool.counters).toMatchObject({ damagedBlocks: 0, waitingBlocks: 0 });
    expect(await removeBlocked(folder.path)).toBe("taken");
  });

  it("has one process at a time", async () => {
    using folder = new Folder();
    using _spool = await open(folder.path);
    await expect(open(folder.path)).rejects.toThrow("the spool of another process");
  });

  it("is not removed while blocks wait in it", async () => {
    using folder = new Folder();
    {
      using spool = await open(folder.path);
      spool.append(item(1));
    }
    expect(await removeSpool(folder.path)).toBe(false);
    using spool = await open(folder.path);
    expect(readAll(spool)).toEqual([1]);
  });
});

async function removeBlocked(directory: string): Promise<string> {
  return removeSpool(directory).then(
    () => "removed",
    () => "taken",
  );
}

/** Three blocks in one segment, and the file they are in. */
async function threeBlocks(directory: string): Promise<{ path: string; bytes: Buffer }> {
  using spool = await open(directory);
  for (let n = 1; n <= 3; n++) spool.append(item(n));
  const path = join(directory, segmentsOf(directory)[0]!);
  return { path, bytes: readFileSync(path) };
}

describe("a spool that finds its files otherwise than it left them", () => {
  it("torn at any byte gives the whole blocks before, and goes on", async () => {
    using folder = new Folder();
    const { path, bytes } = await threeBlocks(folder.path);
    const position = readFileSync(join(folder.path, "position"));
    const each = bytes.length / 3;
    for (let cut = 0; cut <= bytes.length; cut++) {
      for (const name of segmentsOf(folder.path)) unlinkSync(join(folder.path, name));
      writeFileSync(join(folder.path, "position"), position);
      writeFileSync(path, bytes.subarray(0, cut));
      const whole = Math.floor(cut / each);
      {
        using spool = await open(folder.path);
        expect(spool.last.number).toBe(whole);
        expect(spool.counters.tornBytes).toBe(cut - whole * each);
        // What was not acknowledged is appended again, by whoever still has it.
        for (let n = whole + 1; n <= 4; n++) spool.append(item(n));
      }
      using spool = await open(folder.path);
      expect(readAll(spool)).toEqual([1, 2, 3, 4]);
      expect(spool.counters.damagedBlocks).toBe(0);
    }
  });

  it("with any byte changed gives the sound blocks, and counts the one that is not", async () => {
    using folder = new Folder();
    const { path, bytes } = await threeBlocks(folder.path);
    const position = readFileSync(join(folder.path, "position"));
    for (let at = 0; at < bytes.length; at++) {
      for (const name of segmentsOf(folder.path)) unlinkSync(join(folder.path, name));
      writeFileSync(join(folder.path, "position"), position);
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x41;
      writeFileSync(path, changed);
      using spool = await open(folder.path);
      spool.append(item(4));
      const broken = Math.floor(at / (bytes.length / 3)) + 1;
      expect(readAll(spool)).toEqual([1, 2, 3, 4].filter((n) => n !== broken));
      expect(spool.counters).toMatchObject({ damagedBlocks: 1, damagedRecords: 10 });
    }
  });

  it("with its position torn resends, and never skips", async () => {
    using folder = new Folder();
    {
      using spool = await open(folder.path);
      for (let n = 1; n <= 4; n++) spool.append(item(n));
      spool.release(spool.read(1)[0]!);
      spool.release(spool.read(1)[0]!);
    }
    const path = join(folder.path, "position");
    const sound = readFileSync(path);
    for (let at = 0; at < sound.length; at += 7) {
      const changed = Buffer.from(sound);
      changed[at]! ^= 0x41;
      writeFileSync(path, changed);
      using spool = await open(folder.path);
      const left = numbers(spool.read(1 << 20));
      expect([
        [2, 3, 4],
        [3, 4],
      ]).toContainEqual(left);
    }
  });

  it("without a segment goes on, and calls it no damage", async () => {
    using folder = new Folder();
    const more = { segmentBytes: 1000, maxBytes: 1 << 20 };
    using spool = await open(folder.path, more);
    for (let n = 1; n <= 20; n++) spool.append(item(n, 100));
    unlinkSync(join(folder.path, segmentsOf(folder.path)[1]!));
    const left = readAll(spool);
    expect(left.length).toBeGreaterThan(10);
    expect(left.length).toBeLessThan(20);
    expect(spool.settled).toMatchObject({ number: 20, total: 200 });
    expect(spool.counters).toMatchObject({ damagedBlocks: 0, droppedBlocks: 0 });
  });
});

describe("a spool whose disk fails (injected)", () => {
  it.each<[keyof SpoolDisk, string]>([
    ["write", "ENOSPC"],
    ["write", "EIO"],
    ["open", "EMFILE"],
    ["sync", "EIO"],
  ])("at %s with %s keeps what it has, and takes more when that is over", async (call, code) => {
    using folder = new Folder();
    let isBroken = false;
    const disk = injectedFaults((one) => (isBroken && one === call ? code : undefined));
    {
      using spool = await open(folder.path, { disk, sync: "each" });
      spool.append(item(1));
      if (call === "open") spool.release(spool.read(1)[0]!);
      isBroken = true;
      const refused = (): void => spool.append(item(2));
      if (call !== "open") expect(refused).toThrow(code);
      isBroken = false;
      spool.append(item(2));
      spool.append(item(3));
      expect(readAll(spool)).toEqual(call === "open" ? [2, 3] : [1, 2, 3]);
    }
    using spool = await open(folder.path);
    expect(readAll(spool)).toEqual([]);
  });

  it("and cannot even take the torn bytes back, begins another segment", async () => {
    using folder = new Folder();
    let isBroken = false;
    const disk = injectedFaults((call) =>
      isBroken && (call === "sync" || call === "truncate") ? "EIO" : undefined,
    );
    {
      using spool = await open(folder.path, { disk, sync: "each" });
      spool.append(item(1));
      isBroken = true;
      expect(() => spool.append(item(2))).toThrow("EIO");
      isBroken = false;
      spool.append(item(2));
    }
    using spool = await open(folder.path);
    const found = readAll(spool);
    // The refused one may have reached the disk after all: numbered alike, it is known for a repeat.
    expect([...new Set(found)]).toEqual([1, 2]);
    expect(segmentsOf(folder.path).length).toBeLessThanOrEqual(1);
  });

  it("at reading tries again, and gives up a segment that stays unreadable", async () => {
    using folder = new Folder();
    const more = { segmentBytes: 1000, maxBytes: 1 << 20 };
    let failures = 2;
    const disk = injectedFaults((call) => (call === "read" && failures-- > 0 ? "EIO" : undefined));
    failures = 0;
    using spool = await open(folder.path, { ...more, disk });
    for (let n = 1; n <= 10; n++) spool.append(item(n, 100));
    failures = 2;
    expect(() => spool.read(1 << 20)).toThrow("EIO");
    expect(() => spool.read(1 << 20)).toThrow("EIO");
    spool.release(spool.read(1)[0]!);
    failures = 5;
    for (let attempt = 1; attempt < 5; attempt++) expect(() => spool.read(1)).toThrow("EIO");
    const left = readAll(spool);
    const { damagedBlocks, damagedRecords } = spool.counters;
    expect(damagedBlocks).toBeGreaterThan(0);
    expect(damagedRecords).toBe(damagedBlocks * 10);
    expect(1 + damagedBlocks + left.length).toBe(10);
  });
});
