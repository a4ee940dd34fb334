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
  // z = 2m + sign would leave the exact range, so it is made in halves: 28 bits, then the rest.
  const negative = value < 0;
  const magnitude = negative ? -value - 1 : value;
  const low = magnitude % 0x8000000;
  const bits = low * 2 + (negative ? 1 : 0);
  out[at] = (bits & 0x7f) | 0x80;
  out[at + 1] = ((bits >>> 7) & 0x7f) | 0x80;
  out[at + 2] = ((bits >>> 14) & 0x7f) | 0x80;
  out[at + 3] = (bits >>> 21) | 0x80;
  return writeUnsigned(out, at + 4, (magnitude - low) / 0x8000000);
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
