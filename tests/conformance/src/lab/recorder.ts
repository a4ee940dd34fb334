import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { createFlowDecoder, flowSymbols, formatAddress, protocolName } from "@weir/codec";

/** A denial as a node's kernel told it: which side, of which connection. */
export interface Denial {
  /** Addresses. */
  from: string;
  to: string;
  port: number;
  protocol: string;
  side: "egress" | "ingress";
  /** Its latest packet, in microseconds since 1970, to a tick of the kernel. */
  last: number;
}

/** Most denials kept; a step makes a few hundred. */
const denialsMax = 100_000;

/**
 * Keeps every denial that the collectors send: the kernel's own word, whatever a prober saw. A new
 * connection's is told at once; one that has the ports of an earlier connection, whose entry is still
 * there and denied as well, is told by the next sweep.
 */
export class Recorder {
  #denials: Denial[] = [];

  private constructor() {}

  static async on(bus: Bus): Promise<Recorder> {
    const recorder = new Recorder();
    await bus.readTail({
      topic: topics.flows.name,
      onBatch: ({ messages }) => {
        for (const { value } of messages) if (value !== null) recorder.#read(value);
      },
    });
    return recorder;
  }

  since(time: number): Denial[] {
    return this.#denials.filter((one) => one.last >= time);
  }

  forget(): void {
    this.#denials = [];
  }

  #read(message: Uint8Array): void {
    const columns = createFlowDecoder().decode(message);
    for (let row = 0; row < columns.count; row++) {
      if (flowSymbols.verdict[columns.verdict[row] ?? 0] !== "denied") continue;
      // Told under the verdict before, though its latest packet came under the one after.
      if (flowSymbols.kind[columns.kind[row] ?? 0] === "changed") continue;
      const side = flowSymbols.direction[columns.direction[row] ?? 0];
      if (side !== "egress" && side !== "ingress") throw new Error(`a denial ${side}`);
      if (this.#denials.length >= denialsMax) throw new Error("more denials than were asked for");
      this.#denials.push({
        from: formatAddress(columns.srcAddr, row * 16),
        to: formatAddress(columns.dstAddr, row * 16),
        port: columns.dstPort[row] ?? 0,
        protocol: protocolName(columns.protocol[row] ?? 0),
        side,
        last: columns.last[row] ?? 0,
      });
    }
  }
}
