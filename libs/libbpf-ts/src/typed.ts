import type { Btf } from "./btf.ts";
import type { Codec } from "./codec.ts";
import type { BpfMap, UpdateFlags } from "./map.ts";
import { perCpuStride } from "./per_cpu.ts";

/** Names of the types of a map whose own BTF is missing. */
export interface TypeNames {
  btf?: Btf;
  key?: string;
  value?: string;
}

/** A map whose keys and values are JavaScript values; see Codec for what they look like. */
export class TypedMap<K, V> {
  readonly map: BpfMap;
  readonly key: Codec<K>;
  readonly value: Codec<V>;
  readonly #stride: number;

  constructor(map: BpfMap, key: Codec<K>, value: Codec<V>) {
    this.map = map;
    this.key = key;
    this.value = value;
    this.#stride = map.perCpu ? perCpuStride(map.valueSize) : map.valueSize;
  }

  /** Of a per-CPU map the first CPU's value: see `perCpu`. */
  get(key: K): V | undefined {
    const bytes = this.map.lookup(this.key.encode(key));
    return bytes && this.value.decode(bytes);
  }

  /** One value per possible CPU; of other maps a single one. */
  perCpu(key: K): V[] | undefined {
    const bytes = this.map.lookup(this.key.encode(key));
    return bytes && this.#decodeAll(bytes);
  }

  has(key: K): boolean {
    return this.map.lookup(this.key.encode(key)) !== undefined;
  }

  /** Of a per-CPU map the same value for every CPU. */
  set(key: K, value: V, flags: UpdateFlags = "any"): void {
    const bytes = new Uint8Array(this.map.valueBytes);
    for (let at = 0; at < bytes.length; at += this.#stride) this.value.encode(value, bytes, at);
    this.map.update(this.key.encode(key), bytes, flags);
  }

  /** CPUs that have no value in `values` get 0. */
  setPerCpu(key: K, values: V[], flags: UpdateFlags = "any"): void {
    const bytes = new Uint8Array(this.map.valueBytes);
    values.forEach((value, cpu) => this.value.encode(value, bytes, cpu * this.#stride));
    this.map.update(this.key.encode(key), bytes, flags);
  }

  delete(key: K): boolean {
    return this.map.delete(this.key.encode(key));
  }

  *entries(): Generator<[K, V]> {
    for (const [key, value] of this.map.entries())
      yield [this.key.decode(key), this.value.decode(value)];
  }

  *perCpuEntries(): Generator<[K, V[]]> {
    for (const [key, value] of this.map.entries())
      yield [this.key.decode(key), this.#decodeAll(value)];
  }

  #decodeAll(bytes: Uint8Array): V[] {
    const count = Math.floor(bytes.length / this.#stride);
    return Array.from({ length: count }, (_, cpu) => this.value.decode(bytes, cpu * this.#stride));
  }
}
