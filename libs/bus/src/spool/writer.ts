import type { SpoolDisk } from "./disk.ts";
import type { SpoolOptions } from "./options.ts";
import type { Segment } from "./segment.ts";
import { withFile } from "./segment.ts";

/** Appends to one segment at a time and keeps the rule of when it is synced. */
export class SegmentWriter {
  readonly #options: SpoolOptions;
  readonly #disk: SpoolDisk;
  readonly #onSyncError: (error: Error) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #fd = -1;
  #segment: Segment | undefined;
  #bytes = 0;
  #isDirty = false;
  /** The name of a new file is the folder's. */
  #isFolderDirty = false;
  /** Files of which a sync is under way; it closes those that were finished meanwhile. */
  readonly #syncing = new Set<number>();

  constructor(options: SpoolOptions, disk: SpoolDisk, onSyncError: (error: Error) => void) {
    this.#options = options;
    this.#disk = disk;
    this.#onSyncError = onSyncError;
    if (options.sync === "interval")
      this.#timer = setInterval(() => this.#syncLater(), options.syncIntervalMs).unref();
  }

  /** The segment that is appended to. */
  get open(): Segment | undefined {
    return this.#segment;
  }

  begin(segment: Segment): void {
    this.#fd = this.#disk.open(segment.path, "wx+");
    this.#segment = segment;
    this.#bytes = 0;
    this.#isFolderDirty = true;
    if (this.#options.sync !== "each") return;
    this.#isFolderDirty = false;
    try {
      withFile(this.#disk, this.#options.directory, (fd) => this.#disk.sync(fd));
    } catch (error) {
      this.#onSyncError(error as Error);
    }
  }

  /** All of it is there when this returns, nothing when it throws. */
  append(frame: Uint8Array): void {
    try {
      this.#disk.write(this.#fd, frame, this.#bytes);
      if (this.#options.sync === "each") this.#disk.sync(this.#fd);
      this.#bytes += frame.length;
      this.#isDirty = true;
    } catch (error) {
      this.#takeBack();
      // What broke may be this file's last page, which every further append would meet.
      if ((error as NodeJS.ErrnoException).code === "EIO") this.finish();
      throw error;
    }
  }

  #takeBack(): void {
    try {
      this.#disk.truncate(this.#fd, this.#bytes);
    } catch {
      // The next append begins another segment; a reader passes the torn bytes over.
      this.finish();
    }
  }

  #syncLater(): void {
    if (this.#isFolderDirty) void this.#syncFolder();
    if (!this.#isDirty || this.#fd === -1 || this.#syncing.has(this.#fd)) return;
    this.#isDirty = false;
    void this.#sync(this.#fd);
  }

  async #syncFolder(): Promise<void> {
    this.#isFolderDirty = false;
    try {
      const fd = this.#disk.open(this.#options.directory, "r");
      await this.#disk.syncLater(fd).finally(() => this.#disk.close(fd));
    } catch (error) {
      this.#onSyncError(error as Error);
    }
  }

  async #sync(fd: number): Promise<void> {
    this.#syncing.add(fd);
    try {
      await this.#disk.syncLater(fd);
    } catch (error) {
      this.#onSyncError(error as Error);
    }
    this.#syncing.delete(fd);
    if (fd !== this.#fd) this.#closeFile(fd);
  }

  /** Closes the segment, synced where that is the rule; the next append needs another. */
  finish(): void {
    const fd = this.#fd;
    if (fd === -1) return;
    this.#fd = -1;
    this.#segment = undefined;
    if (this.#syncing.has(fd)) return;
    const isDue = this.#isDirty && this.#options.sync === "interval";
    this.#isDirty = false;
    if (isDue) void this.#sync(fd);
    else this.#closeFile(fd);
  }

  #closeFile(fd: number): void {
    try {
      this.#disk.close(fd);
    } catch (error) {
      this.#onSyncError(error as Error);
    }
  }

  /** No more syncs. */
  close(): void {
    this.finish();
    clearInterval(this.#timer);
  }
}
