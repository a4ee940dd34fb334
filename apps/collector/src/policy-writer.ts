import type { PolicySet } from "@weir/codec";
import { interfaceKey } from "./policy-entries.ts";
import { PolicyImage } from "./policy-image.ts";
import type { PolicyEdit, PolicyEndpoint, PolicyHead } from "./policy-image.ts";
import type { PolicyMaps } from "./policy-maps.ts";
import { modes } from "./policy-mode.ts";
import { PolicySlot } from "./policy-slot.ts";
import type { PolicyRoom } from "./policy-slot.ts";
import { createTurns } from "./turns.ts";

/** What the kernel holds now. */
export interface PolicyInForce extends PolicyHead {
  /** Counts up with every switch, also with those that only follow a pod. */
  epoch: number;
}

/** Totals since the start, and how long the last one of each took. */
export interface PolicyCounters {
  switches: number;
  /** Entries written and removed, in both slots. */
  entries: number;
  /** Attempts that left the policy before in force. */
  failures: number;
  /** Attempts to bring the other slot up to date; the next switch makes up for them. */
  catchUpFailures: number;
  /** Interfaces whose entry could not be written or removed at once. */
  interfaceFailures: number;
  writeUs: number;
  switchUs: number;
  catchUpUs: number;
}

/**
 * Puts policy into the kernel.
 *
 * The kernel holds it twice, and one word says which of the two is read. What changed is written
 * to the free one; then the word is switched; when no packet is judged by the old one any more, the
 * same is written there. So each packet sees all of a change or none of it, and its cost follows
 * what changed. Whatever fails before the word leaves the policy before in force, and what is not
 * known to be written is written with the next attempt.
 */
export interface PolicyWriter {
  readonly inForce: PolicyInForce;
  readonly counters: PolicyCounters;
  /** False while the kernel holds something else than what it was told. */
  readonly isSettled: boolean;
  /** The whole policy, for the next `settle`. Throws, and has changed nothing, when it is invalid. */
  replace(set: PolicySet): void;
  /** A change of it. */
  edit(edit: PolicyEdit): void;
  /** Brings into force what was told so far. Rejects, with the policy before in force, when it fails. */
  settle(): Promise<void>;
  /** When the other slot holds the same, or could not be made to. */
  caughtUp(): Promise<void>;
  /** Interfaces that are to be attached. */
  expect(endpoints: PolicyEndpoint[]): void;
  /** Before an interface is attached: what the policy in force says of its workload. */
  add(endpoint: PolicyEndpoint): void;
  /** After it was detached. */
  remove(ifindex: number): void;
  /** Addresses of this node, from where everything may come in (kubelet's probes). Returns whether that is new. */
  setNodeAddresses(addresses: Uint8Array[]): boolean;
  close(): void;
}

export interface PolicyWriterOptions {
  maps: PolicyMaps;
  room: PolicyRoom;
  /** Trouble that leaves the policy in force as it is. */
  onTrouble(error: unknown, what: string): void;
}

export function createPolicyWriter(options: PolicyWriterOptions): PolicyWriter {
  return new SlotWriter(options);
}

class SlotWriter implements PolicyWriter {
  readonly counters: PolicyCounters = {
    ...{ switches: 0, entries: 0, failures: 0, catchUpFailures: 0, interfaceFailures: 0 },
    ...{ writeUs: 0, switchUs: 0, catchUpUs: 0 },
  };
  readonly #maps: PolicyMaps;
  readonly #onTrouble: (error: unknown, what: string) => void;
  readonly #slots: [PolicySlot, PolicySlot];
  readonly #image: PolicyImage;
  readonly #turns = createTurns(() => {});
  /** Interfaces that were added, which `expect` does not take back. */
  readonly #attached = new Set<number>();
  readonly #expected = new Set<number>();
  /** The switch that waits for its turn, shared by all that come until it has it. */
  #next: Promise<void> | undefined;
  #catchUp: Promise<void> | undefined;
  /** When no packet is judged by the free slot any more. */
  #quiet: Promise<void> | undefined;
  /** The image has been in force in this process' time: it tells what the kernel's entries are. */
  #isConfirmed = false;

  constructor(options: PolicyWriterOptions) {
    const { maps, room } = options;
    this.#maps = maps;
    this.#onTrouble = (error, what) => options.onTrouble(error, what);
    this.#image = new PolicyImage((map, key) => {
      for (const slot of this.#slots) slot.touch(map, key);
    });
    this.#slots = [
      new PolicySlot(0, maps, this.#image, room),
      new PolicySlot(1, maps, this.#image, room),
    ];
  }

  get inForce(): PolicyInForce {
    const epoch = this.#maps.epoch();
    const state = this.#maps.state(epoch & 1);
    return {
      generation: state?.generation ?? 0,
      revision: state?.revision ?? 0,
      mode: modes[state?.mode ?? 0] ?? "observe",
      epoch,
    };
  }

  get isSettled(): boolean {
    const { head } = this.#image;
    if (head === undefined) return true;
    const { generation, revision, mode, epoch } = this.inForce;
    return (
      this.#slot(epoch).isLikeImage &&
      generation === head.generation &&
      revision === head.revision &&
      mode === head.mode
    );
  }

  replace(set: PolicySet): void {
    this.#image.replace(set);
  }

  edit(edit: PolicyEdit): void {
    this.#image.edit(edit);
  }

  settle(): Promise<void> {
    this.#next ??= this.#turns.add(() => {
      this.#next = undefined;
      return this.#settle();
    });
    return this.#next;
  }

  caughtUp(): Promise<void> {
    this.#catchUp ??= this.#turns.add(() => {
      this.#catchUp = undefined;
      return this.#bringUp();
    });
    return this.#catchUp;
  }

  expect(endpoints: PolicyEndpoint[]): void {
    const now = new Set(endpoints.map((one) => one.ifindex));
    for (const one of endpoints) {
      if (!this.#attached.has(one.ifindex)) this.#image.setInterface(one);
    }
    for (const ifindex of this.#expected) {
      if (!now.has(ifindex) && !this.#attached.has(ifindex)) this.#image.removeInterface(ifindex);
    }
    this.#expected.clear();
    for (const ifindex of now) this.#expected.add(ifindex);
  }

  add(endpoint: PolicyEndpoint): void {
    const key = interfaceKey(endpoint.ifindex);
    this.#image.setInterface(endpoint);
    this.#attached.add(endpoint.ifindex);
    try {
      const active = this.#slot(this.#maps.epoch());
      // What an earlier process wrote may belong to a policy that is not ours yet.
      if (!this.#isConfirmed && active.getNow(key) !== undefined) return;
      active.setNow(key, this.#image.inForce(endpoint));
    } catch (error) {
      this.counters.interfaceFailures++;
      throw error;
    }
    this.#catchUpSoon();
  }

  remove(ifindex: number): void {
    const key = interfaceKey(ifindex);
    this.#image.removeInterface(ifindex);
    this.#attached.delete(ifindex);
    this.#expected.delete(ifindex);
    try {
      this.#slot(this.#maps.epoch()).setNow(key, undefined);
    } catch (error) {
      this.counters.interfaceFailures++;
      this.#onTrouble(error, "the policy of an interface that is gone could not be removed yet");
    }
    this.#catchUpSoon();
  }

  setNodeAddresses(addresses: Uint8Array[]): boolean {
    return this.#image.setNodeAddresses(addresses);
  }

  close(): void {
    for (const slot of this.#slots) slot.close();
  }

  /** The slot that packets are judged by at this epoch. */
  #slot(epoch: number): PolicySlot {
    return this.#slots[epoch & 1] as PolicySlot;
  }

  async #settle(): Promise<void> {
    if (this.#image.head === undefined) return;
    try {
      await this.#switch();
    } catch (error) {
      this.counters.failures++;
      throw error;
    }
    this.#catchUpSoon();
  }

  async #switch(): Promise<void> {
    await this.#waitForQuiet();
    const began = performance.now();
    for (const slot of this.#slots) await slot.read();
    if (this.isSettled) return this.#confirm();
    const next = (this.#maps.epoch() + 1) >>> 0;
    const free = this.#slot(next);
    await this.#write(free);
    const written = performance.now();
    const { generation, revision, mode } = this.#image.head as PolicyHead;
    this.#maps.setState(next & 1, { generation, revision, mode: modes.indexOf(mode), pad: 0 });
    this.#maps.setEpoch(next);
    this.#quiet = undefined;
    this.#confirm();
    this.counters.switches++;
    this.counters.writeUs = microseconds(began, written);
    this.counters.switchUs = microseconds(written, performance.now());
  }

  /** Nothing runs between the last look for differences and what follows on it. */
  async #write(slot: PolicySlot): Promise<void> {
    do {
      this.counters.entries += slot.differing;
      await slot.write();
    } while (!slot.isLikeImage);
  }

  #confirm(): void {
    this.#isConfirmed = true;
    this.#image.settled();
  }

  /** Also at the start: the process before may have switched in its last moment. */
  #waitForQuiet(): Promise<void> {
    this.#quiet ??= this.#maps.waitForPackets().catch((error: unknown) => {
      this.#quiet = undefined;
      throw error;
    });
    return this.#quiet;
  }

  #catchUpSoon(): void {
    if (this.#isConfirmed) void this.caughtUp();
  }

  async #bringUp(): Promise<void> {
    if (!this.#isConfirmed) return;
    try {
      const free = this.#slot(this.#maps.epoch() + 1);
      if (free.isLikeImage) return;
      await this.#waitForQuiet();
      const began = performance.now();
      await this.#write(free);
      this.counters.catchUpUs = microseconds(began, performance.now());
    } catch (error) {
      this.counters.catchUpFailures++;
      this.#onTrouble(error, "the spare copy of the policy is behind; the next change makes up");
    }
  }
}

function microseconds(from: number, to: number): number {
  return Math.round((to - from) * 1000);
}
