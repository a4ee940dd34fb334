import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { eventCodec } from "@weir/codec";
import type { Event } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";

/** What happened, as far as it is known; the rest is empty. */
export type Happening = Pick<Event, "kind" | "text"> & Partial<Event>;

/** Events on their way at once; further ones are counted and left out. */
const maxInFlight = 100;

/** Tells of failures on weir.events.v1, beside the log. Never rejects, never waits. */
export class Events {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #counters: PartCounters;
  #inFlight = 0;

  constructor(bus: Bus, log: Log, counters: PartCounters) {
    this.#bus = bus;
    this.#log = log;
    this.#counters = counters;
  }

  tell(happening: Happening): void {
    if (this.#inFlight >= maxInFlight) {
      this.#counters.dropped("in_flight");
      return;
    }
    this.#inFlight++;
    void this.#send(happening).finally(() => this.#inFlight--);
  }

  async #send(happening: Happening): Promise<void> {
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
    } catch (error) {
      this.#counters.dropped("send");
      this.#log.warn({ error, kind: event.kind }, "an event could not be sent; the log has it");
    }
  }
}
