import { checked } from "./error.ts";
import { native } from "./native.ts";

let known: number | undefined;

/** How many CPUs the kernel has room for, offline ones included: so many values has a per-CPU entry. */
export function possibleCpus(): number {
  known ??= checked<number>("count the CPUs", native.possibleCpus());
  return known;
}

/** A per-CPU value takes so many bytes: rounded up to 8. */
export function perCpuStride(valueSize: number): number {
  return Math.ceil(valueSize / 8) * 8;
}

/**
 * Adds up the u64 fields of a per-CPU value: `out[i]` is the sum of the i-th u64 over all CPUs.
 * `value` is what lookup of a per-CPU map returns, `valueSize` the map's. Returns `out`.
 */
export function sumPerCpu(
  value: Uint8Array,
  valueSize: number,
  out: BigUint64Array = new BigUint64Array(Math.floor(valueSize / 8)),
): BigUint64Array {
  const stride = perCpuStride(valueSize);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  out.fill(0n);
  for (let cpu = 0; cpu + stride <= value.byteLength; cpu += stride) {
    for (let i = 0; i < out.length; i++)
      out[i] = (out[i] ?? 0n) + view.getBigUint64(cpu + i * 8, true);
  }
  return out;
}
