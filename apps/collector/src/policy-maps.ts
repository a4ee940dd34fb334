import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BpfError, BpfMap, waitForPrograms } from "libbpf-ts";
import type { BpfObject, TypedMap } from "libbpf-ts";
import { entryBytes, packed, unpacked } from "./policy-entries.ts";
import type { PolicyMapName } from "./policy-entries.ts";

/** struct weir_policy_state */
export interface SlotState {
  generation: number;
  revision: number;
  mode: number;
  pad: number;
}

/** One of the maps of a slot. */
export interface SlotMap {
  /** Entries it takes. */
  readonly room: number;
  entries(): Iterable<[key: string, value: string]>;
  get(key: string): string | undefined;
  /** Throws with part of it done. */
  set(entries: [key: string, value: string][]): void;
  /** As above; no error where one is not there. */
  delete(keys: string[]): void;
  close(): void;
}

/**
 * The kernel's side of policy: every operation on its maps that the writer makes, so that a test can
 * let any of them fail.
 */
export interface PolicyMaps {
  epoch(): number;
  setEpoch(epoch: number): void;
  state(slot: number): SlotState | undefined;
  setState(slot: number, state: SlotState): void;
  /** What is in the slot; undefined before any policy. */
  open(name: PolicyMapName, slot: number): SlotMap | undefined;
  /** Puts an empty map into the slot. */
  renew(name: PolicyMapName, slot: number, room: number): Promise<SlotMap>;
  /** Until no packet is judged any more that began before the call. */
  waitForPackets(): Promise<void>;
}

/** The maps of the slots are pinned in `pins`, where one is given: by its id a map is opened by root only. */
export function policyMapsOf(object: BpfObject, pins?: string): PolicyMaps {
  const epochs: TypedMap<number, { epoch: number }> = object.map("policy_epoch").typed();
  const states: TypedMap<number, SlotState> = object.map("policy_state").typed();
  return {
    epoch: () => epochs.get(0)?.epoch ?? 0,
    setEpoch: (epoch) => epochs.set(0, { epoch }),
    state: (slot) => states.get(slot),
    setState: (slot, state) => states.set(slot, state),
    open(name, slot) {
      const id = object.map(name).innerId(slot);
      if (id === undefined) return undefined;
      const pinned = pins === undefined ? undefined : openPinned(slotPath(pins, name, slot), id);
      return new InnerMap(name, pinned ?? BpfMap.fromId(id));
    },
    async renew(name, slot, room) {
      const map = object.createInner(name, { maxEntries: room });
      try {
        const pin = pins === undefined ? undefined : pinNext(map, slotPath(pins, name, slot));
        await object.map(name).setInnerAsync(slot, map);
        pin?.take();
      } catch (error) {
        map.close();
        throw error;
      }
      return new InnerMap(name, map);
    },
    waitForPackets: waitForPrograms,
  };
}

function slotPath(pins: string, name: PolicyMapName, slot: number): string {
  return join(pins, `${name}-${slot}`);
}

/** Beside the one in force until the slot holds it: whoever dies in between leaves both. */
function pinNext(map: BpfMap, path: string): { take(): void } {
  const next = `${path}-next`;
  rmSync(next, { force: true });
  map.pin(next);
  return { take: () => renameSync(next, path) };
}

/** The one of the two that has this id. */
function openPinned(path: string, id: number): BpfMap | undefined {
  for (const one of [path, `${path}-next`]) {
    if (!existsSync(one)) continue;
    const map = BpfMap.openPinned(one);
    if (map.id === id) return map;
    map.close();
  }
  return undefined;
}

class InnerMap implements SlotMap {
  readonly #name: PolicyMapName;
  readonly #map: BpfMap;

  constructor(name: PolicyMapName, map: BpfMap) {
    this.#name = name;
    this.#map = map;
  }

  get room(): number {
    return this.#map.maxEntries;
  }

  *entries(): Generator<[key: string, value: string]> {
    for (const [key, value] of this.#map.entries()) yield [unpacked(key), unpacked(value)];
  }

  get(key: string): string | undefined {
    const value = this.#map.lookup(packed([key], entryBytes[this.#name].key));
    return value && unpacked(value);
  }

  set(entries: [key: string, value: string][]): void {
    const bytes = entryBytes[this.#name];
    const keys = packed(
      entries.map(([key]) => key),
      bytes.key,
    );
    const values = packed(
      entries.map(([, value]) => value),
      bytes.value,
    );
    this.#map.updateBatch(keys, values, entries.length);
  }

  delete(keys: string[]): void {
    const bytes = entryBytes[this.#name].key;
    const all = packed(keys, bytes);
    let at = 0;
    while (at < keys.length) {
      try {
        this.#map.deleteBatch(all.subarray(at * bytes), keys.length - at);
        return;
      } catch (error) {
        if (!(error instanceof BpfError) || error.code !== "ENOENT") throw error;
        // On behind the one that is not there.
        at += (error.completed ?? 0) + 1;
      }
    }
  }

  close(): void {
    this.#map.close();
  }
}
