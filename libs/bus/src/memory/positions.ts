import type { Position } from "../bus.ts";
import { Turns } from "../turns.ts";
import type { RecordFile } from "./file.ts";
import type { StoredRecord } from "./frame.ts";

/**
 * What groups have committed. Positions in compacted topics are stored beside them: whoever reads
 * such a topic to store it elsewhere would otherwise store everything again after each restart.
 */
export class Positions {
  readonly #file: RecordFile | undefined;
  readonly #committed = new Map<string, Position>();
  #turns = new Turns();
  /** What the file would be rewritten to. */
  readonly #newest = new Map<string, StoredRecord>();
  #stored = 0n;

  constructor(file: RecordFile | undefined, records: StoredRecord[]) {
    this.#file = file;
    for (const record of records) {
      const { key, value } = record;
      if (key === null || value === null) continue;
      this.#newest.set(key, record);
      const { group, topic, partition, offset, metadata } = JSON.parse(
        Buffer.from(value).toString("utf8"),
      );
      this.#committed.set(keyOf(group, topic, partition), {
        topic,
        partition,
        offset: BigInt(offset),
        metadata,
      });
    }
  }

  get(group: string, topic: string, partition: number): Position | undefined {
    return this.#committed.get(keyOf(group, topic, partition));
  }

  /** Resolves when those that `store` says are on disk. */
  async commit(
    group: string,
    positions: Position[],
    store: (topic: string) => boolean,
  ): Promise<void> {
    for (const position of positions) {
      this.#committed.set(keyOf(group, position.topic, position.partition), { ...position });
    }
    const kept = positions.filter((position) => store(position.topic));
    const file = this.#file;
    if (!file || kept.length === 0) return;
    const records = kept.map((position) => this.#record(group, position));
    await this.#turns.take(() => this.#write(file, records));
  }

  async #write(file: RecordFile, records: StoredRecord[]): Promise<void> {
    await file.append(records);
    for (const record of records) this.#newest.set(record.key as string, record);
    if (file.wantsRewrite(this.#newest.size * 256)) await file.rewrite([...this.#newest.values()]);
  }

  #record(group: string, { topic, partition, offset, metadata }: Position): StoredRecord {
    const text = JSON.stringify({ group, topic, partition, offset: String(offset), metadata });
    this.#stored += 1n;
    return {
      offset: this.#stored,
      timestampMs: Date.now(),
      key: keyOf(group, topic, partition),
      value: Buffer.from(text),
      headers: {},
    };
  }

  async close(): Promise<void> {
    await this.#turns.over();
    await this.#file?.close();
  }
}

function keyOf(group: string, topic: string, partition: number): string {
  return `${group} ${topic}/${partition}`;
}
