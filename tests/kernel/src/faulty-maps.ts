import type { PolicyMaps, SlotMap } from "@weir/collector";

/** The policy's maps, of which one operation can be made to fail. */
export class FaultyMaps implements PolicyMaps {
  readonly #maps: PolicyMaps;
  /** Operations since `failAt`, by name. */
  readonly done: string[] = [];
  #failAt: number | string = Infinity;
  #dieAt = Infinity;
  readonly #renewed = new Set<string>();

  constructor(maps: PolicyMaps) {
    this.#maps = maps;
  }

  /** As if there were no maps yet. */
  isEmpty = false;

  /** The operation that fails, by its number from 1 or by its name; Infinity: none. */
  failAt(which: number | string): void {
    this.done.length = 0;
    this.#failAt = which;
  }

  /** From this operation on nothing is done any more: the process is dead. Infinity: it lives. */
  dieAt(number: number): void {
    this.done.length = 0;
    this.#dieAt = number;
  }

  epoch(): number {
    return this.#run("read the epoch", () => this.#maps.epoch());
  }

  setEpoch(epoch: number): void {
    this.#run("write the epoch", () => this.#maps.setEpoch(epoch));
  }

  state(slot: number): ReturnType<PolicyMaps["state"]> {
    return this.#run("read a state", () => this.#maps.state(slot));
  }

  setState(slot: number, state: Parameters<PolicyMaps["setState"]>[1]): void {
    this.#run("write a state", () => this.#maps.setState(slot, state));
  }

  open(...[name, slot]: Parameters<PolicyMaps["open"]>): SlotMap | undefined {
    return this.#run(`open ${name}`, () => {
      const isThere = !this.isEmpty || this.#renewed.has(`${name} ${slot}`);
      const map = isThere ? this.#maps.open(name, slot) : undefined;
      return map && this.#faulty(name, map);
    });
  }

  async renew(...[name, slot, room]: Parameters<PolicyMaps["renew"]>): Promise<SlotMap> {
    await this.#run(`renew ${name}`, () => Promise.resolve());
    const map = await this.#maps.renew(name, slot, room);
    this.#renewed.add(`${name} ${slot}`);
    return this.#faulty(name, map);
  }

  /** Does not wait: where faults are tried, no packet is under way. */
  async waitForPackets(): Promise<void> {
    await this.#run("wait for packets", () => Promise.resolve());
  }

  #faulty(name: string, map: SlotMap): SlotMap {
    return {
      room: map.room,
      entries: () => this.#run(`walk ${name}`, () => map.entries()),
      get: (key) => this.#run(`look up in ${name}`, () => map.get(key)),
      set: (entries) => {
        const half = entries.slice(0, entries.length / 2);
        this.#run(
          `write ${name}`,
          () => map.set(entries),
          // The kernel stops at the entry that fails.
          () => half.length > 0 && map.set(half),
        );
      },
      delete: (keys) => {
        const half = keys.slice(0, keys.length / 2);
        this.#run(
          `delete from ${name}`,
          () => map.delete(keys),
          () => map.delete(half),
        );
      },
      close: () => map.close(),
    };
  }

  #run<T>(what: string, run: () => T, partly: () => unknown = () => {}): T {
    this.done.push(what);
    if (this.done.length > this.#dieAt) throw new Error("dead");
    if (this.done.length === this.#dieAt) {
      partly();
      throw new Error("killed");
    }
    if (this.#failAt !== what && this.done.length !== this.#failAt) return run();
    partly();
    throw new Error(`${what}: ENOMEM, as asked`);
  }
}

/**
 * Maps that take `rules` rules and say that they take as many as they were asked to, until `admit`:
 * then they say what they are.
 */
export function crampedMaps(
  maps: PolicyMaps,
  rules: number,
): { maps: PolicyMaps; admit: () => void } {
  let isAdmitted = false;
  const renew: PolicyMaps["renew"] = async (name, slot, room) => {
    const size = name === "rules" && !isAdmitted ? rules : room;
    const map = await maps.renew(name, slot, size);
    return {
      get room() {
        return isAdmitted ? size : room;
      },
      entries: () => map.entries(),
      get: (key) => map.get(key),
      set: (entries) => map.set(entries),
      delete: (keys) => map.delete(keys),
      close: () => map.close(),
    };
  };
  return { maps: { ...maps, renew }, admit: () => (isAdmitted = true) };
}
