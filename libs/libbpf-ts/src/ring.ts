import { checked, failure } from "./error.ts";
import type { BpfMap } from "./map.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";
import { handleOf, Owned } from "./owned.ts";

const ENOSPC = -28;
const EPROTO = -71;
const EMSGSIZE = -90;

/**
 * Takes records out of a ring buffer map, in the order they were reserved. Never blocks and needs
 * no wake-ups: call it on a timer.
 *
 * It keeps the ring alive by itself and goes on where the last reader of the ring stopped, in this
 * process or another. One reader at a time: two take each other's records.
 */
export class RingReader extends Owned {
  readonly size: number;
  readonly #name: string;
  readonly #state = new BigUint64Array(5);
  readonly #stateBytes = new Uint8Array(this.#state.buffer);

  constructor(map: BpfMap) {
    super(
      checked<Handle>(
        `open ring ${map.name}`,
        native.ringOpen(map[handleOf]),
        "only maps of type ringbuf are rings",
      ),
    );
    this.#name = map.name;
    this.size = Number(this.#read(1));
  }

  /**
   * Copies records of `recordBytes` back to back into `buffer`; returns how many. Records that do
   * not fit stay. A record of another length is passed over and counted in `mismatched`.
   */
  drainInto(buffer: Uint8Array, recordBytes: number): number {
    const count = native.ringDrain(this[handleOf], buffer, recordBytes);
    if (count < 0)
      throw this.#failed(count, `a record has ${recordBytes} bytes, the buffer ${buffer.length}`);
    return count;
  }

  /**
   * Copies records of any length; record i lies at `offsets[i]` to `offsets[i + 1]`. Returns how
   * many: at most `offsets.length - 1`. Throws ENOSPC when the next one is larger than `buffer`; it stays.
   */
  drainVariable(buffer: Uint8Array, offsets: Uint32Array): number {
    const count = native.ringDrainVariable(this[handleOf], buffer, offsets);
    if (count < 0)
      throw this.#failed(
        count,
        `the buffer has ${buffer.length} bytes, offsets ${offsets.length} places`,
      );
    return count;
  }

  /** Bytes that are reserved and not taken yet, with 8 of header each; what is not yet submitted counts. */
  get pendingBytes(): number {
    return Number(this.#read(0));
  }

  /** Records that a program gave up (bpf_ringbuf_discard), passed over by this reader. */
  get discarded(): number {
    return Number(this.#read(2));
  }

  get mismatched(): number {
    return Number(this.#read(3));
  }

  /**
   * Bytes of the ring that its readers have taken, headers included. A drain moves it on after
   * everything was copied: where it did not move, the records are still in the ring.
   */
  get position(): bigint {
    return this.#read(4);
  }

  #read(index: number): bigint {
    checked(`read ring ${this.#name ?? ""}`, native.ringState(this[handleOf], this.#stateBytes));
    return this.#state[index] ?? 0n;
  }

  #failed(result: number, hint: string): Error {
    const hints = new Map([
      [EMSGSIZE, hint],
      [ENOSPC, hint],
      [EPROTO, "another process has written to the ring's consumer position"],
    ]);
    return failure(`drain ring ${this.#name}`, result, hints.get(result));
  }
}
