import { flowLayout, flowRecordBytes } from "@weir/codec";

/** Bytes of an element of the map `journal`. */
export const journalPageBytes = 4096;

/** What the spool says it has given up, in records. */
export interface SpoolLosses {
  droppedRecords: number;
  damagedRecords: number;
}

/** Elements the journal needs for two areas of so many records each. */
export function journalPages(maxBlockRecords: number): number {
  return 1 + 2 * Math.ceil((maxBlockRecords * flowRecordBytes) / journalPageBytes);
}

/** A block's number, and the records of this boot's maps up to and with it. */
export interface BlockMark {
  number: number;
  total: number;
}

// Words of the first page; each is a double that is written whole.
const word = {
  ...{ isMade: 0, first: 1, last: 2, total: 3, settled: 4, settledTotal: 5 },
  ...{ lostDropped: 6, lostDamaged: 7, seenDropped: 8, seenDamaged: 9 },
} as const;
const areaWords = [16, 32] as const;
const areaWord = { number: 0, total: 1, position: 2, filled: 3 } as const;

/**
 * What was taken from the kernel and is not in the spool yet, in a pinned map: the process may die
 * at any instruction, and the next one finds the records here and knows what became of them.
 *
 * A block is numbered first, then written to the spool, then its area is cleared. Found numbered,
 * an area is in the spool or it is not, which the spool tells by its last number.
 */
export class Journal {
  readonly edges: JournalArea;
  readonly swept: JournalArea;
  readonly #words: Float64Array;

  constructor(memory: Uint8Array) {
    this.#words = new Float64Array(memory.buffer, memory.byteOffset, journalPageBytes / 8);
    const areaBytes = (Math.floor(memory.length / journalPageBytes - 1) / 2) * journalPageBytes;
    const records = memory.subarray(journalPageBytes);
    this.edges = new JournalArea(this.#wordsOf(0), records.subarray(0, areaBytes));
    this.swept = new JournalArea(this.#wordsOf(1), records.subarray(areaBytes, 2 * areaBytes));
  }

  #wordsOf(area: 0 | 1): Float64Array {
    return this.#words.subarray(areaWords[area], areaWords[area] + 16);
  }

  /** Fresh maps: numbers begin behind `number`. False where the journal was there already. */
  begin(number: number, lost: SpoolLosses = { droppedRecords: 0, damagedRecords: 0 }): boolean {
    if (this.#words[word.isMade] === 1) return false;
    this.#words[word.seenDropped] = lost.droppedRecords;
    this.#words[word.seenDamaged] = lost.damagedRecords;
    this.#words[word.first] = number;
    this.#words[word.last] = number;
    this.#words[word.settled] = number;
    this.#words[word.isMade] = 1;
    return true;
  }

  /** The number before the first block of these maps. */
  get first(): number {
    return this.#words[word.first] ?? 0;
  }

  get last(): BlockMark {
    return { number: this.#words[word.last] ?? 0, total: this.#words[word.total] ?? 0 };
  }

  /** The latest block of these maps that is with the bus. */
  get settled(): BlockMark {
    const [number = 0, total = 0] = this.#words.subarray(word.settled, word.settledTotal + 1);
    return { number, total };
  }

  /**
   * The bus has this block. What is missing between it and the one before was lost on disk, as far
   * as the spool says so; what it does not know of stays missing.
   */
  settle(mark: BlockMark, records: number, lost: SpoolLosses | undefined): void {
    const { number, total } = this.settled;
    if (mark.number <= number) return;
    let missing = mark.total - records - total;
    missing -= this.#explain(missing, word.lostDropped, word.seenDropped, lost?.droppedRecords);
    this.#explain(missing, word.lostDamaged, word.seenDamaged, lost?.damagedRecords);
    this.#words[word.settledTotal] = mark.total;
    this.#words[word.settled] = mark.number;
  }

  #explain(missing: number, lost: number, seen: number, given = 0): number {
    const known = Math.max(0, Math.min(missing, given - (this.#words[seen] ?? 0)));
    this.#words[seen] = (this.#words[seen] ?? 0) + known;
    this.#words[lost] = (this.#words[lost] ?? 0) + known;
    return known;
  }

  /** Records of blocks up to the settled one that were lost on disk. */
  get lost(): SpoolLosses {
    return {
      droppedRecords: this.#words[word.lostDropped] ?? 0,
      damagedRecords: this.#words[word.lostDamaged] ?? 0,
    };
  }

  /** Gives the area's records the next number, or the one they have. */
  number(area: JournalArea, records: number): BlockMark {
    const mark = area.mark ?? {
      number: this.last.number + 1,
      total: this.last.total + records,
    };
    area.setMark(mark);
    if (mark.number > this.last.number) {
      this.#words[word.total] = mark.total;
      this.#words[word.last] = mark.number;
    }
    return mark;
  }

  /** Areas with records, in the order of their numbers; those without one last. */
  pending(): JournalArea[] {
    const order = (area: JournalArea): number => area.mark?.number ?? Infinity;
    return [this.edges, this.swept]
      .filter((area) => area.isHeld || area.count() > 0)
      .toSorted((one, other) => order(one) - order(other));
  }

  /**
   * Once what was found is with the sender. A process that died while it cleared an area has left the
   * end of it, which would count again behind the next process' records if that one dies as well.
   */
  wipe(): void {
    for (const area of [this.edges, this.swept]) if (!area.isHeld) area.records.fill(0);
  }
}

/** Room for one block's records. A record's time is never 0: where it is, the area ends. */
export class JournalArea {
  readonly records: Uint8Array;
  readonly #words: Float64Array;
  readonly #times: BigUint64Array;

  constructor(words: Float64Array, records: Uint8Array) {
    this.#words = words;
    this.records = records;
    this.#times = new BigUint64Array(records.buffer, records.byteOffset, records.length / 8);
  }

  get mark(): BlockMark | undefined {
    const number = this.#words[areaWord.number] ?? 0;
    return number === 0 ? undefined : { number, total: this.#words[areaWord.total] ?? 0 };
  }

  setMark({ number, total }: BlockMark): void {
    this.#words[areaWord.total] = total;
    this.#words[areaWord.number] = number;
  }

  /** Its block has a number and is not in the spool: nothing may be written here. */
  get isHeld(): boolean {
    return this.#words[areaWord.number] !== 0;
  }

  /** Before a drain: where the ring is read to, and how many records lie here. */
  beforeDrain(position: bigint, filled: number): void {
    this.#words[areaWord.filled] = filled;
    this.#words[areaWord.position] = Number(position);
  }

  /**
   * Takes back what a drain has copied that did not finish: it has not moved the ring's position,
   * so its records are still in the ring.
   */
  afterDeath(position: bigint): void {
    if (this.isHeld || this.#words[areaWord.position] !== Number(position)) return;
    this.records.fill(0, (this.#words[areaWord.filled] ?? 0) * flowRecordBytes);
  }

  /** Records that lie here. */
  count(): number {
    const step = flowRecordBytes / 8;
    let count = 0;
    for (let at = flowLayout.time.offset / 8; at < this.#times.length; at += step) {
      if (this.#times[at] === 0n) break;
      count++;
    }
    return count;
  }

  /** The block is in the spool or with the bus. */
  clear(count: number): void {
    this.records.fill(0, 0, count * flowRecordBytes);
    this.#words[areaWord.filled] = 0;
    this.#words[areaWord.number] = 0;
  }
}
