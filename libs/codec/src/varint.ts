/**
 * Avro's zigzag numbers for the hand-written transcoders. The range is avsc's, which stays exact
 * both ways: -2^52 to 2^53-2.
 */
export const maxLong = 2 ** 53 - 2;
export const minLong = -(2 ** 52);

/** Longest encoding of a number in range, bytes. */
export const maxLongBytes = 8;

/** Writes an integer in range at `at`; returns where the next byte goes. */
export function writeLong(out: Uint8Array, at: number, value: number): number {
  if (value >= -0x40000000 && value < 0x40000000) {
    return writeUnsigned(out, at, ((value << 1) ^ (value >> 31)) >>> 0);
  }
  // z = 2m + sign would leave the exact range, so the sign goes into the first byte by itself.
  const negative = value < 0;
  const magnitude = negative ? -value - 1 : value;
  out[at] = ((magnitude % 64) << 1) | (negative ? 1 : 0) | 0x80;
  let rest = Math.floor(magnitude / 64);
  let next = at + 1;
  while (rest >= 0x80000000) {
    out[next++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  return writeUnsigned(out, next, rest);
}

function writeUnsigned(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 127) {
    out[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[next] = rest;
  return next + 1;
}
