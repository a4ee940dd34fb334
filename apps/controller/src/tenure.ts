import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { topics } from "@weir/bus";
import type { Bus, TableReader } from "@weir/bus";
import { controllerClaimCodec } from "@weir/codec";
import type { ControllerClaim } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";
import { isSurelyGone, processMark } from "./process-mark.ts";

export interface TenureOptions {
  bus: Bus;
  log: Log;
  counters: PartCounters;
  /** How often the holder says that it is there. */
  beatMs: number;
  /** A controller that has not said so for this long counts as gone. */
  staleMs: number;
}

interface Heard {
  claim: ControllerClaim;
  heardMs: number;
}

/**
 * That one controller at a time publishes. Each writes a claim to weir.controllers.v1; who is first
 * there holds, and says so again every `beatMs`. The others wait until it has gone or is silent.
 *
 * No clock is compared with another one's: silence is what a process hears itself. A holder that was
 * stopped for so long that another one may have followed publishes nothing before it has heard itself
 * again, and nothing any more once it has heard the other one hold.
 */
export class Tenure {
  readonly #options: TenureOptions;
  readonly #mine: ControllerClaim;
  /** By id, in the order in which they first came. */
  readonly #heard = new Map<string, Heard>();
  #reader: TableReader | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isHolding = false;
  #successor: ControllerClaim | undefined;
  #isClosed = false;
  #isBeating = false;
  /** Something was heard. */
  #wake = (): void => {};

  constructor(options: TenureOptions) {
    this.#options = options;
    this.#mine = { id: randomUUID(), host: hostname(), process: processMark(), beat: 0 };
  }

  /** Resolves when nobody else publishes, and nobody else will begin to. Rejects once closed. */
  async take(): Promise<void> {
    const { bus, log, staleMs } = this.#options;
    this.#reader = await bus.readTable({
      topic: topics.controllers.name,
      onRecord: (key, value) => this.#hear(key, value),
      onError: (error) => log.warn({ error }, "the claims of other controllers are interrupted"),
    });
    await this.#reader.caughtUp;
    let told = "";
    for (let rival = await this.#claim(); rival !== undefined; rival = await this.#claim()) {
      if (told !== rival.id) {
        const { host, id } = rival;
        log.warn(
          { host, id, staleMs },
          `${nameOf(rival)} publishes already; standing by until it stops or is silent`,
        );
        this.#options.counters.error("other_controller");
      }
      told = rival.id;
      await this.#somethingHeard();
    }
    if (told !== "") log.info({}, "the other controller is gone; taking over");
    this.#isHolding = true;
    await this.#beat();
    if (this.#isClosed) return;
    this.#timer = setInterval(() => void this.#beat(), this.#options.beatMs).unref();
  }

  /** Throws where another controller may be publishing by now. */
  check(): void {
    if (this.#successor !== undefined) {
      throw new Error(
        `${nameOf(this.#successor)} has taken over while this one was silent: start this one again to stand by`,
      );
    }
    const silentMs = performance.now() - (this.#heard.get(this.#mine.id)?.heardMs ?? -Infinity);
    if (silentMs > this.#options.staleMs)
      throw new Error("its claim to be the only controller could not be renewed in time");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#wake();
    if (this.#heard.has(this.#mine.id)) {
      // Where the bus is away the others find out by themselves.
      const given = this.#delete(this.#mine.id).catch(() => {});
      await Promise.race([given, sleep(this.#options.beatMs, undefined, { ref: false })]);
    }
    await this.#reader?.close();
  }

  /** Claims where nobody is known; undefined where that was the first claim, else whose is. */
  async #claim(): Promise<ControllerClaim | undefined> {
    const before = this.#rival();
    if (before !== undefined) return before;
    if (!this.#heard.has(this.#mine.id)) {
      await this.#send(this.#mine);
      while (!this.#heard.has(this.#mine.id)) await this.#somethingHeard();
    }
    const first = this.#rival();
    if (first === undefined) return undefined;
    // Two that wait for each other would wait for ever: who came later steps back.
    await this.#delete(this.#mine.id);
    while (this.#heard.has(this.#mine.id)) await this.#somethingHeard();
    return first;
  }

  /** The first of those that came before, as far as it lives. */
  #rival(): ControllerClaim | undefined {
    const { staleMs } = this.#options;
    for (const [id, { claim, heardMs }] of this.#heard) {
      if (id === this.#mine.id) return undefined;
      if (!isSurelyGone(claim) && performance.now() - heardMs <= staleMs) return claim;
    }
    return undefined;
  }

  async #somethingHeard(): Promise<void> {
    if (!this.#isClosed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#options.beatMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (this.#isClosed) throw new Error("stopped while another controller was publishing");
  }

  #hear(id: string, value: Uint8Array | null): void {
    if (value === null) this.#heard.delete(id);
    else {
      try {
        const claim = controllerClaimCodec.decode(value);
        this.#heard.set(id, { claim, heardMs: performance.now() });
        if (this.#isHolding && claim.beat > 0 && this.#isLater(id)) this.#loseTo(claim);
      } catch (error) {
        this.#options.counters.error("malformed");
        this.#options.log.warn({ error, id }, "a controller's claim cannot be read");
      }
    }
    this.#wake();
  }

  /** Came after this one: it holds because it has not heard of this one for long. */
  #isLater(id: string): boolean {
    const order = [...this.#heard.keys()];
    return order.indexOf(id) > order.indexOf(this.#mine.id);
  }

  #loseTo(claim: ControllerClaim): void {
    if (this.#successor !== undefined) return;
    this.#successor = claim;
    clearInterval(this.#timer);
    this.#options.counters.error("superseded");
    this.#options.log.error(
      { host: claim.host, id: claim.id },
      "another controller has taken over; this one publishes nothing any more",
    );
    this.#delete(this.#mine.id).catch((error: unknown) => {
      this.#options.log.warn({ error }, "the claim could not be taken back");
    });
  }

  async #beat(): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    try {
      await this.#send({ ...this.#mine, beat: ++this.#mine.beat });
      for (const [id, { claim }] of this.#heard) {
        if (id !== this.#mine.id && isSurelyGone(claim)) await this.#delete(id);
      }
    } catch (error) {
      this.#options.log.warn({ error }, "the claim to be the only controller is not renewed");
    } finally {
      this.#isBeating = false;
    }
  }

  async #send(claim: ControllerClaim): Promise<void> {
    const value = controllerClaimCodec.encode(claim);
    await this.#options.bus.send(topics.controllers.name, [{ key: claim.id, value }]);
  }

  async #delete(id: string): Promise<void> {
    await this.#options.bus.send(topics.controllers.name, [{ key: id, value: null }]);
  }
}

function nameOf({ host, process }: ControllerClaim): string {
  return `the controller on ${host} (process ${process.split(" ")[2] ?? "?"})`;
}
