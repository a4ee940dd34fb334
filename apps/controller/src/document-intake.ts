import { policyChangeHeader } from "@weir/codec";
import type { PolicyChange } from "@weir/codec";
import type { PartCounters } from "@weir/runtime";

export interface DocumentRecord {
  /** `namespace/name` */
  key: string;
  /** null deletes. */
  change: PolicyChange | null;
  headers: Record<string, string>;
}

export interface DocumentIntakeOptions {
  /** How long the rest of a change is waited for. */
  waitMs: number;
  counters: PartCounters;
  /** All records of a change at once. */
  onChange(records: DocumentRecord[]): void;
}

interface Pending {
  count: number;
  records: DocumentRecord[];
  timer: NodeJS.Timeout;
}

/** Records of all changes that wait; with more than that the oldest waits no longer. */
const maxHeld = 100_000;

/** Puts the records of a change together again: none of it is compiled without the rest. */
export class DocumentIntake {
  readonly #options: DocumentIntakeOptions;
  /** In the order in which they began. */
  readonly #pending = new Map<string, Pending>();
  #held = 0;

  constructor(options: DocumentIntakeOptions) {
    this.#options = options;
  }

  take(record: DocumentRecord): void {
    const [id = "", text = ""] = (record.headers[policyChangeHeader] ?? "").split(" ");
    const count = Number(text);
    this.#passOver(record.key, id);
    if (id === "" || !Number.isInteger(count) || count < 2) {
      this.#options.onChange([record]);
      return;
    }
    const pending = this.#pending.get(id) ?? this.#begin(id, count);
    pending.records.push(record);
    this.#held++;
    if (pending.records.length >= pending.count) this.#release(id);
    else if (this.#held > maxHeld) this.#releaseIncomplete([...this.#pending.keys()][0] ?? id);
  }

  close(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  #begin(id: string, count: number): Pending {
    const timer = setTimeout(() => this.#releaseIncomplete(id), this.#options.waitMs);
    timer.unref();
    const pending: Pending = { count, records: [], timer };
    this.#pending.set(id, pending);
    return pending;
  }

  /** A change that is older must not come after a newer one of the same document. */
  #passOver(key: string, id: string): void {
    for (const [other, { records }] of this.#pending) {
      if (other !== id && records.some((one) => one.key === key)) this.#releaseIncomplete(other);
    }
  }

  /** The records are on the topic and would be compiled after a restart: now or then. */
  #releaseIncomplete(id: string): void {
    this.#options.counters.error("incomplete");
    this.#release(id);
  }

  #release(id: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    this.#held -= pending.records.length;
    this.#options.onChange(pending.records);
  }
}
