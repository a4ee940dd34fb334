import { flowRecordBytes } from "@weir/codec";
import { Journal, journalPageBytes, journalPages } from "./journal.ts";

/** What is pinned: it outlives every Journal over it. */
const memory = (): Uint8Array => new Uint8Array(journalPages(300) * journalPageBytes);

function put(area: Journal["edges"], from: number, count: number): void {
  const view = new DataView(area.records.buffer, area.records.byteOffset);
  for (let n = from; n < from + count; n++) view.setBigUint64(n * flowRecordBytes, 77n, true);
}

describe("the journal", () => {
  it("has room for two blocks, apart from each other", () => {
    const { edges, swept } = new Journal(memory());
    expect(edges.records.length).toBeGreaterThanOrEqual(300 * flowRecordBytes);
    edges.records.fill(1);
    expect(swept.records.every((byte) => byte === 0)).toBe(true);
    expect(swept.records.length).toBe(edges.records.length);
  });

  it("numbers blocks on, whoever opens it", () => {
    const bytes = memory();
    const journal = new Journal(bytes);
    expect(journal.begin(100)).toBe(true);
    put(journal.swept, 0, 3);
    expect(journal.number(journal.swept, 3)).toEqual({ number: 101, total: 3 });
    put(journal.edges, 0, 2);
    expect(journal.number(journal.edges, 2)).toEqual({ number: 102, total: 5 });
    const next = new Journal(bytes);
    expect(next.begin(7)).toBe(false);
    expect([next.first, next.last]).toEqual([100, { number: 102, total: 5 }]);
    expect(next.pending().map((area) => [area.mark?.number, area.count()])).toEqual([
      [101, 3],
      [102, 2],
    ]);
    // The same records keep their number.
    expect(next.number(next.swept, 3)).toEqual({ number: 101, total: 3 });
    next.swept.clear(3);
    expect(next.pending()).toHaveLength(1);
    expect(next.last.number).toBe(102);
  });

  it("takes back what an unfinished drain has copied, and nothing else", () => {
    const bytes = memory();
    const { edges } = new Journal(bytes);
    edges.beforeDrain(4096n, 0);
    put(edges, 0, 5);
    edges.beforeDrain(5000n, 5);
    put(edges, 5, 4);
    const unmoved = new Journal(bytes.slice()).edges;
    unmoved.afterDeath(5000n);
    expect(unmoved.count()).toBe(5);
    edges.afterDeath(5500n);
    expect(edges.count()).toBe(9);
  });

  it("keeps nothing of an area that a process died clearing", () => {
    const bytes = memory();
    const before = new Journal(bytes);
    put(before.edges, 0, 9);
    before.number(before.edges, 9);
    // Cleared from the front, and no further than this.
    before.edges.records.fill(0, 0, 4 * flowRecordBytes);
    put(before.swept, 0, 2);
    before.number(before.swept, 2);

    const next = new Journal(bytes);
    expect(next.pending().map((area) => area.count())).toEqual([0, 2]);
    next.edges.clear(0);
    next.wipe();
    put(next.edges, 0, 4);
    expect(next.edges.count()).toBe(4);
    // Held: its records are nowhere else.
    expect(next.swept.count()).toBe(2);
  });

  it("settles forwards only", () => {
    const journal = new Journal(memory());
    journal.begin(10);
    journal.settle({ number: 12, total: 50 }, 50, undefined);
    journal.settle({ number: 11, total: 20 }, 20, undefined);
    expect(journal.settled).toEqual({ number: 12, total: 50 });
  });

  it("calls lost what the spool knows of, when the block behind it is settled", () => {
    const journal = new Journal(memory());
    journal.begin(0, { droppedRecords: 1000, damagedRecords: 0 });
    const lost = { droppedRecords: 1030, damagedRecords: 5 };
    journal.settle({ number: 1, total: 10 }, 10, lost);
    expect(journal.lost).toEqual({ droppedRecords: 0, damagedRecords: 0 });
    // 45 are missing; the spool has given up 30, and 5 were damaged.
    journal.settle({ number: 7, total: 65 }, 10, lost);
    expect(journal.lost).toEqual({ droppedRecords: 30, damagedRecords: 5 });
    journal.settle({ number: 9, total: 85 }, 10, lost);
    expect(journal.lost).toEqual({ droppedRecords: 30, damagedRecords: 5 });
  });
});
