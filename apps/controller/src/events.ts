import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { eventCodec, leftOutEvents } from "@weir/codec";
import type { Event } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";

/** What happened, as far as it is known; the rest is empty. */
export type Happening = Pick<Event, "kind" | "text"> & Partial<Event>;

/** Events on their way at once; further ones are counted and left out. */
const maxInFlight = 100;
/** How soon what was left out is told again, when it could not be told either. */
const retryMs = 5000;

/**
 * Tells of failures on weir.events.v1, beside the log. Never rejects, never waits. What is left out
 * is told as well, by one event for all of it, as soon as one can be sent.
 */
export class Events {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #counters: PartCounters;
  #inFlight = 0;
  #leftOut: { count: number; sinceMs: number } | undefined;
  #isTelling = false;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(bus: Bus, log: Log, counters: PartCounters) {
    this.#bus = bus;
    this.#log = log;
    this.#counters = counters;
  }

  tell(happening: Happening): void {
    if (this.#inFlight >= maxInFlight) {
      this.#counters.dropped("in_flight");
      this.#leaveOut(1, Date.now());
      return;
    }
    this.#inFlight++;
    void this.#tellOne(happening);
  }

  async #tellOne(happening: Happening): Promise<void> {
    const isSent = await this.#send(happening);
    this.#inFlight--;
    if (isSent) return await this.#tellLeftOut();
    this.#counters.dropped("send");
    this.#leaveOut(1, Date.now());
    this.#retryLater();
  }

  /** Nothing is told again after it. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #leaveOut(count: number, sinceMs: number): void {
    const known = this.#leftOut ?? { count: 0, sinceMs };
    this.#leftOut = {
      count: known.count + count,
      sinceMs: Math.min(known.sinceMs, sinceMs),
    };
  }

  async #tellLeftOut(): Promise<void> {
    const told = this.#leftOut;
    if (told === undefined || this.#isTelling) return;
    this.#isTelling = true;
    this.#leftOut = undefined;
    const fields = { count: String(told.count), since: new Date(told.sinceMs).toISOString() };
    const text = `${told.count} events could not be told: too many at once, or the bus was away; the log has them`;
    const isSent = await this.#send({ kind: leftOutEvents, text, fields });
    this.#isTelling = false;
    if (isSent) return this.#tellLeftOut();
    this.#leaveOut(told.count, told.sinceMs);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#retry !== undefined || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.#tellLeftOut();
    }, retryMs);
    this.#retry.unref();
  }

  async #send(happening: Happening): Promise<boolean> {
    const event: Event = {
      time: Date.now() * 1000,
      ...{ node: "", boot_id: "", namespace: "", workload: "", pod: "", fields: {} },
      ...happening,
    };
    try {
      await this.#bus.send(topics.events.name, [
        { key: event.kind, value: eventCodec.encode(event) },
      ]);
      this.#counters.sent();
      return true;
    } catch (error) {
      this.#log.warn({ error, kind: event.kind }, "an event could not be sent; the log has it");
      return false;
    }
  }
}
