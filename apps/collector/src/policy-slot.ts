import { policyMapNames } from "./policy-entries.ts";
import type { PolicyMapName } from "./policy-entries.ts";
import type { PolicyImage } from "./policy-image.ts";
import type { PolicyMaps, SlotMap } from "./policy-maps.ts";

/** Most entries each map of a slot takes. */
export type PolicyRoom = Record<PolicyMapName, number>;

/** Entries that are written, or removed, before others get their turn on the event loop. */
const entriesPerTurn = 512;

/** The policy has more entries than the configuration allows. */
export class PolicyTooLarge extends Error {
  constructor(name: PolicyMapName, wanted: number, room: number) {
    super(`the policy has ${wanted} ${name}, and this node takes ${room}`);
    this.name = "PolicyTooLarge";
  }
}

/**
 * One of the two sets of maps that the kernel holds policy in. It remembers which of its entries may
 * differ from the image; whatever fails leaves them remembered, so that a repair is the next write.
 *
 * Only ever written while no packet reads it, except for `setNow`.
 */
export class PolicySlot {
  readonly number: number;
  readonly #maps: PolicyMaps;
  readonly #image: PolicyImage;
  readonly #room: PolicyRoom;
  readonly #differing: Record<PolicyMapName, Set<string>> = {
    identities: new Set(),
    rules: new Set(),
    endpoint_policies: new Set(),
  };
  readonly #held: Partial<Record<PolicyMapName, SlotMap>> = {};
  /** What an earlier process left in it: before it is read nobody knows what differs. */
  #content: "unknown" | "being read" | "known" = "unknown";

  constructor(number: number, maps: PolicyMaps, image: PolicyImage, room: PolicyRoom) {
    this.number = number;
    this.#maps = maps;
    this.#image = image;
    this.#room = room;
  }

  touch(map: PolicyMapName, key: string): void {
    if (this.#content !== "unknown") this.#differing[map].add(key);
  }

  /** Entries that may differ from the image. */
  get differing(): number {
    return policyMapNames.reduce((sum, map) => sum + this.#differing[map].size, 0);
  }

  /** Nothing is known to differ, and all maps are there. */
  get isLikeImage(): boolean {
    return (
      this.#content === "known" &&
      this.differing === 0 &&
      policyMapNames.every((map) => this.#held[map] !== undefined)
    );
  }

  /** Compares what the kernel holds with the image, once. */
  async read(): Promise<void> {
    if (this.#content === "known") return;
    this.#content = "being read";
    try {
      for (const name of policyMapNames) await this.#readMap(name);
      this.#content = "known";
    } catch (error) {
      this.#content = "unknown";
      for (const differing of Object.values(this.#differing)) differing.clear();
      throw error;
    }
  }

  /** Makes it like the image, in turns; what changes meanwhile is made so as well. */
  async write(): Promise<void> {
    await this.read();
    for (const name of policyMapNames) await this.#clear(name);
    do {
      for (const name of policyMapNames) await this.#makeRoom(name);
      for (const name of policyMapNames) this.#writeTurn(name);
      if (this.differing > 0) await nextTurn();
    } while (this.differing > 0);
  }

  /** An interface's entry, at once: of an interface that no packet has come through yet, or comes any more. */
  setNow(key: string, value: string | undefined): void {
    const map = this.#open("endpoint_policies");
    if (map === undefined) return;
    if (value === undefined) map.delete([key]);
    else map.set([[key, value]]);
    if (this.#image.get("endpoint_policies", key) === value) {
      this.#differing.endpoint_policies.delete(key);
    }
  }

  /** What the kernel holds for the interface. */
  getNow(key: string): string | undefined {
    return this.#open("endpoint_policies")?.get(key);
  }

  close(): void {
    for (const map of Object.values(this.#held)) map.close();
  }

  async #readMap(name: PolicyMapName): Promise<void> {
    const found = new Set<string>();
    for (const [key, value] of this.#open(name)?.entries() ?? []) {
      found.add(key);
      if (this.#image.get(name, key) !== value) this.touch(name, key);
      if (found.size % entriesPerTurn === 0) await nextTurn();
    }
    for (const key of this.#image.keys(name)) {
      if (!found.has(key) && this.#image.get(name, key) !== undefined) this.touch(name, key);
    }
  }

  #open(name: PolicyMapName): SlotMap | undefined {
    const held = this.#held[name] ?? this.#maps.open(name, this.number);
    if (held !== undefined) this.#held[name] = held;
    return held;
  }

  /** A map that is too small, or not there, makes place for an empty one. */
  async #makeRoom(name: PolicyMapName): Promise<void> {
    const wanted = this.#image.size(name);
    const room = this.#room[name];
    if (wanted > room) throw new PolicyTooLarge(name, wanted, room);
    const held = this.#open(name);
    if (held !== undefined && wanted <= held.room) return;
    const renewed = await this.#maps.renew(name, this.number, room);
    held?.close();
    this.#held[name] = renewed;
    for (const key of this.#image.keys(name)) this.touch(name, key);
  }

  /** What goes, goes first: it makes room for what comes. */
  async #clear(name: PolicyMapName): Promise<void> {
    const gone: string[] = [];
    let seen = 0;
    for (const key of this.#differing[name]) {
      if (this.#image.get(name, key) === undefined) gone.push(key);
      if (++seen % entriesPerTurn !== 0) continue;
      this.#delete(name, gone.splice(0));
      await nextTurn();
    }
    this.#delete(name, gone);
  }

  #delete(name: PolicyMapName, keys: string[]): void {
    if (keys.length === 0) return;
    this.#open(name)?.delete(keys);
    for (const key of keys) this.#differing[name].delete(key);
  }

  #writeTurn(name: PolicyMapName): void {
    const differing = this.#differing[name];
    const map = this.#held[name];
    if (map === undefined) return;
    const set: [key: string, value: string][] = [];
    const gone: string[] = [];
    for (const key of differing) {
      const value = this.#image.get(name, key);
      if (value === undefined) gone.push(key);
      else set.push([key, value]);
      if (set.length + gone.length === entriesPerTurn) break;
    }
    this.#delete(name, gone);
    if (set.length === 0) return;
    map.set(set);
    for (const [key] of set) differing.delete(key);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
