import type { Message } from "../bus.ts";
import type { Source, SourceReader } from "../delivery.ts";
import { sizeOf } from "./message.ts";

/**
 * What has been fetched of one partition and not been handed over. Above its bound `onFull`
 * stops the fetching, at half of it `onRoom` lets it go on.
 */
export class PartitionQueue implements Source {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset = 0n;
  readonly readers = new Set<SourceReader>();
  readonly #maxBytes: number;
  readonly #onFull: () => void;
  readonly #onRoom: () => void;
  #messages: Message[] = [];
  #bytes = 0;
  #full = false;

  constructor(
    place: { topic: string; partition: number },
    maxBytes: number,
    onFull: () => void,
    onRoom: () => void,
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.#maxBytes = maxBytes;
    this.#onFull = onFull;
    this.#onRoom = onRoom;
  }

  /** Nothing is fetched until there is room. */
  get isFull(): boolean {
    return this.#full;
  }

  push(messages: Message[]): void {
    for (const message of messages) {
      this.#messages.push(message);
      this.#bytes += sizeOf(message);
    }
    if (!this.#full && this.#bytes >= this.#maxBytes) {
      this.#full = true;
      this.#onFull();
    }
    for (const reader of this.readers) reader.ring();
  }

  /** Lets go of what lies before the offset: it has been handed over. */
  read(from: bigint, maxMessages: number, maxBytes: number): Message[] {
    this.#release(from);
    const batch: Message[] = [];
    let bytes = 0;
    for (const message of this.#messages) {
      bytes += sizeOf(message);
      if (batch.length > 0 && (batch.length >= maxMessages || bytes > maxBytes)) break;
      batch.push(message);
    }
    return batch;
  }

  #release(from: bigint): void {
    let passed = 0;
    for (const message of this.#messages) {
      if (message.offset >= from) break;
      this.#bytes -= sizeOf(message);
      passed++;
    }
    if (passed > 0) this.#messages = this.#messages.slice(passed);
    if (this.#full && this.#bytes <= this.#maxBytes / 2) {
      this.#full = false;
      this.#onRoom();
    }
  }
}
