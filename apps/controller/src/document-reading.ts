import { setImmediate as turn } from "node:timers/promises";
import type { Policy } from "@weir/policy";
import type { DocumentRecord } from "./document-intake.ts";
import { readDocument } from "./document.ts";

/** A record, and what its text says or why it says nothing; neither where it need not be read. */
export interface ReadRecord extends DocumentRecord {
  policy?: Policy | string;
}

export interface DocumentReadingOptions {
  /** The text is what holds under the key already. */
  isHeld(key: string, text: string): boolean;
  /** All records of a change at once, changes in the order in which they came. */
  onRead(records: ReadRecord[]): void;
}

/** How long texts are read before others get their turn on the event loop. */
const readMs = 5;

/** Reads the texts of changes, however many come at once, without holding up what else goes on. */
export class DocumentReading {
  readonly #options: DocumentReadingOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: DocumentReadingOptions) {
    this.#options = options;
  }

  take(records: DocumentRecord[]): void {
    this.#last = this.#last.then(() => this.#read(records));
  }

  /** All that was taken so far has been read. */
  async settled(): Promise<void> {
    let last: Promise<void>;
    do {
      last = this.#last;
      await last;
    } while (last !== this.#last);
  }

  async #read(records: DocumentRecord[]): Promise<void> {
    const read: ReadRecord[] = [];
    let began = performance.now();
    for (const record of records) {
      const { key, change } = record;
      const isNew = change !== null && !this.#options.isHeld(key, change.text);
      read.push(isNew ? { ...record, policy: readDocument(change, change.text) } : record);
      if (performance.now() - began < readMs) continue;
      await turn();
      began = performance.now();
    }
    this.#options.onRead(read);
  }
}
