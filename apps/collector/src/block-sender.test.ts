import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, realDisk, spoolDefaults } from "@weir/bus";
import type { Bus, OutgoingMessage, Spool, SpoolDisk } from "@weir/bus";
import { createFlowDecoder, flowLayout, flowRecordBytes } from "@weir/codec";
import { silentLog } from "@weir/runtime";
import { createBlockSender } from "./block-sender.ts";
import type { BlockSender } from "./block-sender.ts";
import { Journal, journalPageBytes, journalPages } from "./journal.ts";
import type { JournalArea } from "./journal.ts";

/** A fake bus: takes nothing until it is told to, refuses as often as it is told to. */
class StubbornBus {
  readonly taken: OutgoingMessage[] = [];
  /** Blocks of each send that was taken. */
  readonly sends: number[] = [];
  refusals = 0;
  #open: (() => void)[] = [];
  #isOpen = false;

  async send(_topic: string, messages: OutgoingMessage[]): Promise<void> {
    if (!this.#isOpen) await new Promise<void>((resolve) => this.#open.push(resolve));
    if (this.refusals-- > 0) throw new Error("broker is away");
    this.sends.push(messages.length);
    // Senders reuse their buffers.
    this.taken.push(
      ...messages.map((one) => ({ ...one, value: one.value && Uint8Array.from(one.value) })),
    );
  }

  open(): void {
    this.#isOpen = true;
    for (const resolve of this.#open) resolve();
  }

  blocks(): { block: number; count: number; rules: number }[] {
    const decoder = createFlowDecoder();
    return this.taken.map(({ value }) => {
      const { block, count, rules } = decoder.decode(value as Uint8Array);
      return { block, count, rules: rules.length };
    });
  }
}

/** `count` records of 5 packets each, as the kernel would have written them there. */
function put(area: JournalArea, count: number): number {
  const view = new DataView(area.records.buffer, area.records.byteOffset);
  for (let n = 0; n < count; n++) {
    view.setBigUint64(n * flowRecordBytes, 1_000_000n, true);
    view.setBigUint64(n * flowRecordBytes + 32, 5n, true);
  }
  return count;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe("blocks on their way to the bus", () => {
  const directory = mkdtempSync(join(tmpdir(), "sender-"));
  let bus: StubbornBus;
  let memory: Uint8Array;
  let journal: Journal;
  let spool: Spool | undefined;
  let sender: BlockSender;
  let isDiskFull = false;
  const disk: SpoolDisk = {
    ...realDisk,
    write(...given) {
      if (isDiskFull) throw new Error("ENOSPC: injected");
      realDisk.write(...given);
    },
  };

  const begin = async (withSpool = true): Promise<void> => {
    spool?.close();
    spool = withSpool
      ? await openSpool({ ...spoolDefaults, sync: "never", directory, disk })
      : undefined;
    journal = new Journal(memory);
    journal.begin(0);
    sender = createBlockSender({
      ...{ bus: bus as unknown as Bus, log: silentLog(), journal, spool },
      ...{ node: "node-1", bootId: "boot", maxSendBytes: 1 << 20, sendIntervalMs: 300 },
      clock: { offsetFor: () => 0n },
      rulesOf: () => [{ generation: 1, rule: 2, text: "why" }],
      knowledge: { into: () => ({ names: [], processes: [] }) },
    });
  };

  beforeEach(async () => {
    isDiskFull = false;
    bus = new StubbornBus();
    memory = new Uint8Array(journalPages(300) * journalPageBytes);
    rmSync(directory, { recursive: true, force: true });
    await begin();
  });

  afterEach(() => {
    sender.abandon();
    spool?.close();
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("go at once after a pause, together where they come close on each other", async () => {
    bus.open();
    sender.add(journal.edges, put(journal.edges, 1));
    await until(() => bus.taken.length === 1);
    for (let n = 0; n < 3; n++) sender.add(journal.edges, put(journal.edges, 1));
    await until(() => bus.taken.length === 4);
    expect(bus.sends).toEqual([1, 3]);
  });

  it("go in order, numbered, keyed by the node", async () => {
    sender.add(journal.edges, put(journal.edges, 3));
    sender.add(journal.edges, 0);
    sender.add(journal.swept, put(journal.swept, 2));
    expect(journal.pending()).toEqual([]);
    bus.open();
    expect(await sender.flush(5000)).toBe(true);
    expect(bus.blocks()).toEqual([
      { block: 1, count: 3, rules: 1 },
      { block: 2, count: 2, rules: 1 },
    ]);
    expect(bus.taken.every((one) => one.key === "node-1")).toBe(true);
    expect(sender.counters).toMatchObject({ blocks: 2, records: 5, lastBlock: 2 });
    expect(spool?.counters.waitingBlocks).toBe(0);
  });

  it("leave out what carries no numbers", async () => {
    put(journal.edges, 3);
    journal.edges.records.fill(0, flowRecordBytes + 32, flowRecordBytes + 64);
    sender.add(journal.edges, 3);
    put(journal.swept, 1);
    journal.swept.records.fill(0, 32, 64);
    sender.add(journal.swept, 1);
    // Its packets are in another record, which was taken at the same time.
    put(journal.swept, 1);
    journal.swept.records.fill(0, 32, 64);
    journal.swept.records[flowLayout.connections.offset] = 1;
    sender.add(journal.swept, 1);
    expect(journal.pending()).toEqual([]);
    bus.open();
    await sender.flush(5000);
    expect(bus.blocks().map((one) => one.count)).toEqual([2, 1]);
  });

  it("wait on disk while the bus is away, and need no memory of the journal", async () => {
    for (let n = 0; n < 50; n++) sender.add(journal.edges, put(journal.edges, 100));
    expect(journal.edges.isHeld).toBe(false);
    expect(spool?.counters).toMatchObject({ waitingBlocks: 50, waitingRecords: 5000 });
    bus.refusals = 2;
    bus.open();
    expect(await sender.flush(10_000)).toBe(true);
    expect(bus.blocks().map((one) => one.block)).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    expect(sender.counters).toMatchObject({ retries: 2, records: 5000 });
    expect(sender.counters.awayMs).toBeGreaterThan(0);
  });

  it("that one process left are sent by the next", async () => {
    sender.add(journal.edges, put(journal.edges, 4));
    sender.abandon();
    put(journal.swept, 6);
    bus = new StubbornBus();
    bus.open();
    await begin();
    for (const area of journal.pending()) sender.add(area, area.count());
    expect(await sender.flush(5000)).toBe(true);
    expect(bus.blocks().map(({ block, count }) => [block, count])).toEqual([
      [1, 4],
      [2, 6],
    ]);
    expect(sender.counters).toMatchObject({ blocks: 2, records: 10 });
  });

  it.each(["with a full disk", "without a spool"])(
    "%s stay in the journal, and go",
    async (how) => {
      if (how === "without a spool") await begin(false);
      isDiskFull = true;
      sender.add(journal.edges, put(journal.edges, 3));
      sender.add(journal.swept, put(journal.swept, 2));
      expect(journal.edges.isHeld && journal.swept.isHeld).toBe(true);
      // Dead here: the next process finds both, under the numbers they had.
      const left = new Journal(memory.slice());
      expect(left.pending().map((area) => [area.mark?.number, area.count()])).toEqual([
        [1, 3],
        [2, 2],
      ]);
      const room = sender.room(journal.swept, Infinity);
      bus.refusals = 1;
      bus.open();
      await room;
      expect(await sender.flush(5000)).toBe(true);
      expect(bus.blocks().map(({ block, count }) => [block, count])).toEqual([
        [1, 3],
        [2, 2],
      ]);
      expect(journal.pending()).toEqual([]);
      expect(sender.counters).toMatchObject({ blocks: 2, records: 5 });
    },
  );

  it("are not written over while they wait in the journal", async () => {
    await begin(false);
    sender.add(journal.swept, put(journal.swept, 3));
    expect(() => sender.add(journal.swept, put(journal.swept, 5))).toThrow(/block 1 waits/);
    bus.open();
    expect(await sender.flush(5000)).toBe(true);
    expect(bus.blocks().map(({ block, count }) => [block, count])).toEqual([[1, 3]]);
  });

  it("move to the disk when it takes them again", async () => {
    isDiskFull = true;
    bus.refusals = 3;
    bus.open();
    sender.add(journal.edges, put(journal.edges, 3));
    isDiskFull = false;
    await sender.room(journal.edges, Infinity);
    expect(spool?.last.number).toBe(1);
    sender.add(journal.edges, put(journal.edges, 1));
    expect(await sender.flush(10_000)).toBe(true);
    expect(bus.blocks().map(({ block }) => block)).toEqual([1, 2]);
  });

  it("that vanished from the disk are counted as made, though nothing comes after them", async () => {
    sender.add(journal.edges, put(journal.edges, 2));
    await new Promise((resolve) => setImmediate(resolve));
    sender.add(journal.edges, put(journal.edges, 7));
    for (const name of readdirSync(directory).filter((one) => one.endsWith(".blocks")))
      rmSync(join(directory, name));
    bus.open();
    expect(await sender.flush(5000)).toBe(true);
    expect(bus.blocks().map(({ count }) => count)).toEqual([2]);
    expect(sender.counters).toMatchObject({ blocks: 2, records: 9 });
    expect(journal.lost).toEqual({ droppedRecords: 0, damagedRecords: 0 });
  });

  it("of another boot are sent, and are not counted to this one", async () => {
    const value = new Uint8Array(10);
    spool?.append({ stream: "boot before", number: 70, records: 5, total: 900, value });
    sender.add(journal.edges, put(journal.edges, 2));
    bus.open();
    expect(await sender.flush(5000)).toBe(true);
    expect(bus.taken).toHaveLength(2);
    expect(sender.counters).toMatchObject({ blocks: 1, records: 2, earlierBlocks: 1 });
  });
});
