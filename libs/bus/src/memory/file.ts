import type { FileHandle } from "node:fs/promises";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { BusError } from "../error.ts";
import { replaceFile, syncDirectory } from "./durable.ts";
import type { StoredRecord } from "./frame.ts";
import { claimedEnd, frameRecord, readRecord } from "./frame.ts";

const magic = Buffer.from("weir-topic-1\n");

/** A rewrite pays when the file is this much larger than what is alive. */
const slackBytes = 1 << 20;

/**
 * An append-only file of checksummed records. What `append` has resolved for survives a kill and a
 * power cut. A torn last record is cut off at `open`: nobody was told that it was stored.
 */
export class RecordFile {
  readonly path: string;
  /** Bytes that `open` cut off. */
  readonly tornBytes: number;
  #handle: FileHandle;
  #size: number;
  #broken: Error | undefined;

  private constructor(path: string, handle: FileHandle, size: number, tornBytes: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
    this.tornBytes = tornBytes;
  }

  /** Creates the file where it is missing. Throws BusError `corrupt` for damage in the middle. */
  static async open(path: string): Promise<{ file: RecordFile; records: StoredRecord[] }> {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, "a+", 0o600);
    try {
      const bytes = await handle.readFile();
      if (bytes.length < magic.length) {
        await handle.truncate(0);
        await handle.appendFile(magic);
        await handle.sync();
        await syncDirectory(dirname(path));
        return { file: new RecordFile(path, handle, magic.length, bytes.length), records: [] };
      }
      const { records, end } = readAll(path, bytes);
      if (end < bytes.length) {
        await handle.truncate(end);
        await handle.sync();
      }
      return { file: new RecordFile(path, handle, end, bytes.length - end), records };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Resolves when the records are on disk. Rejects and takes them back where that fails. */
  async append(records: StoredRecord[]): Promise<void> {
    if (this.#broken) throw this.#broken;
    const bytes = Buffer.concat(records.map(frameRecord));
    try {
      await this.#handle.appendFile(bytes);
      await this.#handle.datasync();
      this.#size += bytes.length;
    } catch (error) {
      await this.#takeBack(error as Error);
      throw error;
    }
  }

  async #takeBack(cause: Error): Promise<void> {
    try {
      await this.#handle.truncate(this.#size);
    } catch {
      this.#break(cause);
    }
  }

  #break(cause: Error): void {
    const what = `${this.path} cannot be written: ${cause.message}; make room and start again`;
    this.#broken = new BusError("unavailable", what, { cause });
  }

  /** True when most of the file is superseded. */
  wantsRewrite(liveBytes: number): boolean {
    return this.#size > 2 * liveBytes + slackBytes;
  }

  /** Replaces the contents by rename, so that a crash leaves either the old or the new. */
  async rewrite(records: StoredRecord[]): Promise<void> {
    const parts = [magic, ...records.map(frameRecord)];
    try {
      await replaceFile(this.path, parts);
      const old = this.#handle;
      this.#handle = await open(this.path, "a+", 0o600);
      this.#size = parts.reduce((sum, part) => sum + part.length, 0);
      await old.close();
    } catch (error) {
      this.#break(error as Error);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function readAll(path: string, bytes: Buffer): { records: StoredRecord[]; end: number } {
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    throw new BusError(
      "corrupt",
      `${path} is no stored topic of weir; move it away to start without it`,
    );
  }
  const records: StoredRecord[] = [];
  let at = magic.length;
  for (let read = readRecord(bytes, at); read; read = readRecord(bytes, at)) {
    records.push(read.record);
    at = read.end;
  }
  if (at < bytes.length && readRecord(bytes, claimedEnd(bytes, at))) {
    const what = `${path} is damaged at byte ${at}, with sound records after it`;
    throw new BusError("corrupt", `${what}; restore it, or move it away to start without it`);
  }
  return { records, end: at };
}
