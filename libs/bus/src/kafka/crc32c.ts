/** Castagnoli's polynomial, bits reversed. */
const polynomial = 0x82f63b78;

/** Eight tables of 256: what a byte does to the checksum from 0 to 7 bytes before the end of a word. */
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] as number;
    made[at] = (made[before & 255] as number) ^ (before >>> 8);
  }
  return made;
}

/**
 * The checksum of Kafka's batches, eight bytes a step: a third of the time that byte by byte takes.
 * Node has a native crc32 only, of another polynomial. `before` is of the bytes in front of these.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const t = tables;
  const end = bytes.length;
  let crc = ~before;
  let at = 0;
  for (const last = end - 8; at <= last; at += 8) {
    crc ^= word(bytes, at);
    const high = word(bytes, at + 4);
    crc =
      (t[1792 + (crc & 255)] as number) ^
      (t[1536 + ((crc >>> 8) & 255)] as number) ^
      (t[1280 + ((crc >>> 16) & 255)] as number) ^
      (t[1024 + (crc >>> 24)] as number) ^
      (t[768 + (high & 255)] as number) ^
      (t[512 + ((high >>> 8) & 255)] as number) ^
      (t[256 + ((high >>> 16) & 255)] as number) ^
      (t[high >>> 24] as number);
  }
  for (; at < end; at++) crc = (t[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
