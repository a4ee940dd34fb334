import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { nodeReportCodec, policyDeltaCodec } from "@weir/codec";
import { nowMs } from "./apply-prober.ts";

/** What one change cost on its way, in milliseconds. */
export interface Stages {
  /** From the request to the document on the topic. */
  parse: number;
  /** From there to the delta that is ready to be sent. */
  compile: number;
  /** Until followers can have it. */
  publish: number;
  /** From there to the free copy in the kernel being written, as the slowest node says. */
  write: number;
  /** The word. */
  switch: number;
}

/** Watches a bus for the stages of the change that is under way; one change at a time. */
export class StageWatch {
  #began = 0;
  #documentMs = 0;
  #sendMs = 0;
  #sentMs = 0;
  #revision = 0;
  #write = 0;
  #switch = 0;

  /** The same bus, with its sends noted. */
  watch(bus: Bus): Bus {
    const send = bus.send.bind(bus);
    bus.send = async (topic, messages) => {
      const at = nowMs();
      await send(topic, messages);
      const [first] = messages;
      if (topic === topics.policyDocuments.name) this.#documentMs = nowMs();
      if (!first?.value) return;
      if (first.key?.startsWith("delta/")) this.#delta(first.value, at);
      if (topic === topics.nodes.name) this.#report(first.value);
    };
    return bus;
  }

  begin(): number {
    this.#began = nowMs();
    this.#write = 0;
    this.#switch = 0;
    this.#sendMs = 0;
    return this.#began;
  }

  /** After the nodes have reported. */
  get stages(): Stages {
    return {
      parse: this.#documentMs - this.#began,
      compile: Math.max(0, this.#sendMs - this.#documentMs),
      publish: this.#sentMs - this.#sendMs,
      write: this.#write,
      switch: this.#switch,
    };
  }

  #delta(value: Uint8Array, sendMs: number): void {
    if (this.#sendMs > 0) return;
    this.#sendMs = sendMs;
    this.#sentMs = nowMs();
    this.#revision = policyDeltaCodec.decode(value).revision;
  }

  #report(value: Uint8Array): void {
    const { revision, counters } = nodeReportCodec.decode(value);
    if (this.#sendMs === 0 || revision < this.#revision) return;
    this.#write = Math.max(this.#write, (counters["policy_write_us"] ?? 0) / 1000);
    this.#switch = Math.max(this.#switch, (counters["policy_switch_us"] ?? 0) / 1000);
  }
}
