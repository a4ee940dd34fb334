import { Btf } from "./btf.ts";
import { BpfError, checked, failure, refusal } from "./error.ts";
import type { MapType } from "./kinds.ts";
import { mapType } from "./kinds.ts";
import { BatchCursor, deleteBatch, updateBatch } from "./map_batch.ts";
import type { Handle, NativeMapInfo } from "./native.ts";
import { HANDLE_MAP, native } from "./native.ts";
import { handleOf, Owned } from "./owned.ts";
import type { TypeNames } from "./typed.ts";
import { TypedMap } from "./typed.ts";

export interface MapOptions {
  type: MapType;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  /** BPF_F_*, e.g. 1 (BPF_F_NO_PREALLOC), which an lpm_trie must have. */
  flags?: number;
  /** At most 15 characters. */
  name?: string;
  /** Of a map of maps: what its inner maps are like. Only needed during the call. */
  like?: BpfMap;
}

export type UpdateFlags = "any" | "noexist" | "exist";

/** Where the types of keys and values are described. */
export interface MapTypes {
  btf: Btf;
  keyTypeId: number;
  valueTypeId: number;
  /** The kernel's id of the same BTF, 0 where unknown. */
  btfId: number;
}

const updateFlags = { any: 0, noexist: 1, exist: 2 } as const;
const ENOENT = -2;
const entriesPerBatch = 512;

/**
 * A map. It lives while this, a program, a pin or another map refers to it.
 *
 * Keys have `keySize` bytes; values `valueSize`, or in per-CPU maps `valueBytes`: one value per
 * possible CPU, each rounded up to 8 bytes. Other lengths throw EMSGSIZE.
 */
export class BpfMap extends Owned {
  readonly name: string;
  readonly type: MapType;
  readonly id: number;
  readonly flags: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  #types: MapTypes | undefined;
  readonly #btfId: number;
  readonly #typeIds: { key: number; value: number };

  /** @internal */
  constructor(handle: Handle, name?: string, types?: MapTypes) {
    super(handle);
    const info = checked<NativeMapInfo>("describe map", native.mapInfo(handle));
    this.name = name || info.name;
    this.type = mapType.name(info.type);
    this.id = info.id;
    this.flags = info.flags;
    this.keySize = info.keySize;
    this.valueSize = info.valueSize;
    this.valueBytes = info.valueBytes;
    this.maxEntries = info.maxEntries;
    this.#types = types;
    this.#btfId = info.btfId;
    this.#typeIds = { key: info.keyTypeId, value: info.valueTypeId };
  }

  static create(options: MapOptions): BpfMap {
    return createMap(options);
  }

  /** Throws BpfError: ENOENT for no such pin, EINVAL for a pin of something else. */
  static openPinned(path: string): BpfMap {
    return new BpfMap(
      checked<Handle>(`open pinned map ${path}`, native.getPinned(HANDLE_MAP, path)),
    );
  }

  static fromId(id: number): BpfMap {
    return new BpfMap(checked<Handle>(`open map ${id}`, native.getById(HANDLE_MAP, id)));
  }

  get perCpu(): boolean {
    return this.type.includes("percpu");
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const out = new Uint8Array(this.valueBytes);
    return this.lookupInto(key, out) ? out : undefined;
  }

  /** Into the first `valueBytes` of `out`; false when there is no such key. Allocates nothing. */
  lookupInto(key: Uint8Array, out: Uint8Array): boolean {
    return this.#found("look up in", native.mapLookup(this[handleOf], key, out));
  }

  /** Throws BpfError: EEXIST or ENOENT as the flags say, E2BIG when the map is full. */
  update(key: Uint8Array, value: Uint8Array, flags: UpdateFlags = "any"): void {
    const result = native.mapUpdate(this[handleOf], key, value, updateFlags[flags]);
    if (result < 0) throw this.#failed("update", result);
  }

  /** False when there was no such key. */
  delete(key: Uint8Array): boolean {
    return this.#found("delete from", native.mapDelete(this[handleOf], key));
  }

  /** Of queues and stacks with a key of no bytes; of hashes since Linux 5.14. */
  lookupAndDelete(key: Uint8Array): Uint8Array | undefined {
    const out = new Uint8Array(this.valueBytes);
    return this.#found("take from", native.mapLookupAndDelete(this[handleOf], key, out))
      ? out
      : undefined;
  }

  /** The key after `key` in the map's own order, the first without one. A key that is gone starts over. */
  nextKey(key?: Uint8Array): Uint8Array | undefined {
    const next = new Uint8Array(this.keySize);
    return this.#found("walk", native.mapNextKey(this[handleOf], key, next)) ? next : undefined;
  }

  /**
   * Every entry, by batches where the kernel has them for this type. What changes meanwhile may be
   * seen or not. Without batches a deletion meanwhile starts the walk over, and entries may come
   * twice; it ends after `maxEntries` all the same.
   */
  *entries(): Generator<[key: Uint8Array, value: Uint8Array]> {
    const cursor = new BatchCursor();
    let room = Math.min(entriesPerBatch, this.maxEntries);
    let count: number;
    do {
      const keys = new Uint8Array(room * this.keySize);
      const values = new Uint8Array(room * this.valueBytes);
      try {
        count = this.lookupBatch(cursor, keys, values);
      } catch (error) {
        const code = error instanceof BpfError ? error.code : "";
        if (code === "ENOTSUPP" || code === "EINVAL") {
          yield* this.#entriesByKey();
          return;
        }
        if (code !== "ENOSPC" || room >= this.maxEntries) throw error;
        room = Math.min(room * 8, this.maxEntries);
        count = 0;
        continue;
      }
      for (let i = 0; i < count; i++)
        yield [part(keys, i, this.keySize), part(values, i, this.valueBytes)];
    } while (!cursor.done);
  }

  *#entriesByKey(): Generator<[key: Uint8Array, value: Uint8Array]> {
    let key = this.nextKey();
    for (let seen = 0; key && seen < this.maxEntries; seen++) {
      const value = this.lookup(key);
      if (value) yield [key, value];
      key = this.nextKey(key);
    }
  }

  /**
   * As many entries from the cursor on as the buffers hold; returns how many, 0 with `cursor.done`
   * at the end. ENOSPC: a hash bucket has more entries than the buffers.
   */
  lookupBatch(cursor: BatchCursor, keys: Uint8Array, values: Uint8Array): number {
    return cursor.next(this[handleOf], this.name, this.keySize, keys, values, false);
  }

  /** The same, and the entries are gone from the map. */
  lookupAndDeleteBatch(cursor: BatchCursor, keys: Uint8Array, values: Uint8Array): number {
    return cursor.next(this[handleOf], this.name, this.keySize, keys, values, true);
  }

  /** Throws BpfError with `completed`, the number of entries that were written before the error. */
  updateBatch(
    keys: Uint8Array,
    values: Uint8Array,
    count: number,
    flags: UpdateFlags = "any",
  ): void {
    updateBatch(this[handleOf], this.name, keys, values, count, updateFlags[flags]);
  }

  /** Throws BpfError with `completed`; a key that is not there is an ENOENT. */
  deleteBatch(keys: Uint8Array, count: number): void {
    deleteBatch(this[handleOf], this.name, keys, count);
  }

  /**
   * Puts an inner map in its place: programs see the old one or the new one, never none. The kernel
   * returns when no program runs any more that may have seen the old one: 10 to 40 ms.
   */
  setInner(index: number | Uint8Array, inner: BpfMap): void {
    const result = native.mapSetInner(this[handleOf], this.#outerKey(index), inner[handleOf]);
    if (result < 0) throw this.#failed("set an inner map of", result);
  }

  /** The same, waited for on another thread. */
  async setInnerAsync(index: number | Uint8Array, inner: BpfMap): Promise<void> {
    const key = this.#outerKey(index);
    const result = await native.mapSetInnerAsync(this[handleOf], key, inner[handleOf]);
    if (result < 0) throw this.#failed("set an inner map of", result);
  }

  /** The id of the inner map, for `BpfMap.fromId`. */
  innerId(index: number | Uint8Array): number | undefined {
    const id = this.lookup(this.#outerKey(index));
    return id && new DataView(id.buffer).getUint32(0, true);
  }

  /**
   * Keys and values as JavaScript values, by the map's BTF or, where it has none (inner maps made
   * by hand), by the names of types. Throws BpfError ENODATA when neither is known.
   */
  typed<K, V>(names: TypeNames = {}): TypedMap<K, V> {
    const types = this.types();
    const btf = names.btf ?? types?.btf;
    const codec = <T>(name: string | undefined, id: number | undefined, what: string) => {
      if (btf && name !== undefined) return btf.codec<T>(name);
      if (types && id) return types.btf.codecOfId<T>(id, `${this.name} ${what}`);
      throw refusal(`type map ${this.name}`, "ENODATA", `its ${what} has no BTF: name the type`);
    };
    return new TypedMap<K, V>(
      this,
      codec<K>(names.key, types?.keyTypeId, "key"),
      codec<V>(names.value, types?.valueTypeId, "value"),
    );
  }

  /** @internal The map's own BTF, from the kernel where it does not come from an object. */
  types(): MapTypes | undefined {
    if (this.#types || !this.#btfId) return this.#types;
    const bytes = checked<Uint8Array>(`read BTF of map ${this.name}`, native.btfById(this.#btfId));
    const { key: keyTypeId, value: valueTypeId } = this.#typeIds;
    this.#types = { btf: new Btf(bytes), keyTypeId, valueTypeId, btfId: this.#btfId };
    return this.#types;
  }

  /** The kernel's id of the map's BTF, 0 for none. @internal */
  get btfId(): number {
    return this.#btfId;
  }

  /** The pin keeps the map after this process; the BPF file system must be mounted. */
  pin(path: string): void {
    checked(`pin map ${this.name} to ${path}`, native.pin(HANDLE_MAP, this[handleOf], path));
  }

  unpin(path: string): void {
    checked(`unpin ${path}`, native.unpin(path));
  }

  /**
   * The values of an array with BPF_F_MMAPABLE (flags 1024), each rounded up to 8 bytes, in this
   * process' memory: what is written is in the map at once, without a call, and outlives the
   * process as the map does. The memory keeps the map alive until it is collected.
   */
  memory(): Uint8Array {
    const what = `map the values of ${this.name} into memory`;
    return new Uint8Array(checked<ArrayBuffer>(what, native.mapMemory(this[handleOf])));
  }

  /** From here on user space can only read; programs still write. */
  freeze(): void {
    checked(`freeze map ${this.name}`, native.mapFreeze(this[handleOf]));
  }

  #outerKey(index: number | Uint8Array): Uint8Array {
    if (typeof index !== "number") return index;
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, index, true);
    return key;
  }

  #found(verb: string, result: number): boolean {
    if (result === ENOENT) return false;
    if (result < 0) throw this.#failed(verb, result);
    return true;
  }

  #failed(verb: string, result: number): BpfError {
    const sizes = `keys have ${this.keySize} bytes, values ${this.valueBytes}`;
    return failure(`${verb} map ${this.name}`, result, result === -90 ? sizes : undefined);
  }
}

function part(bytes: Uint8Array, index: number, size: number): Uint8Array {
  return bytes.subarray(index * size, (index + 1) * size);
}

/** @internal With BTF, where the kernel takes it: not every map type does. */
export function createMap(options: MapOptions, types?: MapTypes): BpfMap {
  const { keySize, valueSize, maxEntries, flags = 0, name = "", like } = options;
  const create = (btfId: number | undefined) =>
    native.mapCreate(
      mapType.number(options.type),
      keySize,
      valueSize,
      maxEntries,
      flags,
      name,
      like?.[handleOf],
      btfId,
      types?.keyTypeId ?? 0,
      types?.valueTypeId ?? 0,
    );
  let result = create(types?.btfId || undefined);
  if (typeof result === "number" && types?.btfId) result = create(undefined);
  return new BpfMap(checked<Handle>(`create ${options.type} map ${name}`, result), name, types);
}
