/** Seeded numbers for property tests: a failure names its seed and happens again. */
export interface Random {
  /** 0 up to, not including, `below`. */
  integer(below: number): number;
  pick<T>(from: readonly T[]): T;
  /** 64 bits, edges more often than chance would have them. */
  bits64(): bigint;
  bytes(count: number): Uint8Array;
  text(maxLength: number): string;
}

const edges64 = [
  0n,
  1n,
  63n,
  64n,
  127n,
  128n,
  8191n,
  8192n,
  2n ** 31n,
  2n ** 32n,
  2n ** 52n,
  2n ** 53n - 2n,
];
const letters = ["a", "Z", "0", "-", ".", "/", " ", "(", "\u0000", "é", "語", "😀"];

export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const integer = (below: number): number => Math.floor((next() / 2 ** 32) * below);
  const pick = <T>(from: readonly T[]): T => from[integer(from.length)] as T;
  const bits64 = (): bigint => {
    if (integer(3) === 0) return pick(edges64);
    const raw = (BigInt(next()) << 32n) | BigInt(next());
    return raw >> BigInt(integer(64));
  };
  return {
    integer,
    pick,
    bits64,
    bytes: (count) => Uint8Array.from({ length: count }, () => integer(256)),
    text: (maxLength) =>
      Array.from({ length: integer(maxLength + 1) }, () => pick(letters)).join(""),
  };
}
