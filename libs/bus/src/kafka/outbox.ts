import { causesOf } from "../error.ts";
import { Turns } from "../turns.ts";
import { within } from "../wakeup.ts";
import type { KafkaBusOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import type { BatchProducer, ConnectProducer } from "./producer.ts";
import type { SentRecord } from "./record-batch.ts";

interface Parcel {
  topic: string;
  messages: SentRecord[];
  bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

export interface OutboxKind {
  /** Retries leave no second copy. */
  isIdempotent: boolean;
  /** Small requests wait for more under load. */
  isPaced: boolean;
}

/**
 * Sends through one producer, one request at a time; what arrives meanwhile goes together in the
 * next. Two requests under way could be stored in the other order, or one be dropped as a repeat.
 * For the same reason a producer that failed for good is not used again.
 */
export class Outbox {
  readonly #connect: ConnectProducer;
  readonly #options: KafkaBusOptions;
  readonly #waiting: Parcel[] = [];
  readonly #turns = new Turns();
  readonly #kind: OutboxKind;
  readonly #pace: Pace;
  #waitingBytes = 0;
  /** There is a full request, or nothing more to wait for. */
  #enough = Promise.withResolvers<void>();
  #isClosing = false;
  #producer: Promise<BatchProducer> | undefined;

  constructor(connect: ConnectProducer, options: KafkaBusOptions, kind: OutboxKind) {
    this.#connect = connect;
    this.#options = options;
    this.#kind = kind;
    const { gatherAboveRequests, maxRequestBytes } = options;
    this.#pace = new Pace(kind.isPaced ? gatherAboveRequests : Infinity, 0.75 * maxRequestBytes);
  }

  /** Resolves when every in-sync replica has the messages. Order of calls is order in a partition. */
  send(topic: string, messages: SentRecord[], bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ topic, messages, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      if (this.#pace.isFull(this.#waitingBytes)) this.#enough.resolve();
      void this.#turns.take(() => this.#sendNext());
    });
  }

  async #sendNext(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await this.#untilWorthwhile();
    const parcels = this.#gather();
    try {
      await this.#request(parcels);
      for (const parcel of parcels) parcel.resolve();
    } catch (error) {
      await this.#discard();
      if (parcels.length === 1) parcels[0]?.reject(error);
      else await this.#sendEach(parcels);
    }
  }

  async #untilWorthwhile(): Promise<void> {
    const delayMs = this.#pace.delayMs(performance.now());
    if (delayMs === 0 || this.#isClosing || this.#pace.isFull(this.#waitingBytes)) return;
    this.#enough = Promise.withResolvers<void>();
    await within(delayMs, this.#enough.promise);
  }

  /** One bad message must not fail the sends it happened to travel with. */
  async #sendEach(parcels: Parcel[]): Promise<void> {
    let away: unknown;
    for (const parcel of parcels) {
      try {
        if (away !== undefined) throw away;
        await this.#request([parcel]);
        parcel.resolve();
      } catch (error) {
        if (away === undefined) await this.#discard();
        if (isAway(error)) away = error;
        parcel.reject(error);
      }
    }
  }

  #gather(): Parcel[] {
    const parcels: Parcel[] = [];
    let bytes = 0;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (parcels.length > 0 && bytes + next.bytes > this.#options.maxRequestBytes) break;
      parcels.push(next);
      bytes += next.bytes;
      this.#waiting.shift();
    }
    this.#waitingBytes -= bytes;
    this.#pace.note(performance.now(), bytes);
    return parcels;
  }

  async #request(parcels: Parcel[]): Promise<void> {
    this.#producer ??= this.#connect(this.#options, this.#kind.isIdempotent);
    const byTopic = new Map<string, SentRecord[]>();
    for (const { topic, messages } of parcels) {
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), ...messages]);
    }
    const producer = await this.#producer;
    await producer.send([...byTopic].map(([topic, messages]) => ({ topic, messages })));
  }

  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.then((old) => old.close()).catch(() => undefined);
  }

  /** Sends what waits, then disconnects. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#enough.resolve();
    await this.#turns.over();
    await this.#discard();
  }
}

/** The broker is not there, so the others need not try one by one. */
function isAway(error: unknown): boolean {
  for (const { name } of causesOf(error)) {
    if (/Connection|NumberOfRetries|RequestTimeout|BrokerNotFound/.test(name ?? "")) return true;
  }
  return false;
}
