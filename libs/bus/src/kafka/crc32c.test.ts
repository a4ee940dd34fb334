import { crc32c } from "./crc32c.ts";

/** Bit by bit, as the polynomial is defined. */
function plain(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe("crc32c", () => {
  it("is what RFC 3720 says of its examples", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at))).toBe(0x46dd794e);
  });

  it("is the polynomial's at every length and place, in one piece or two", () => {
    const bytes = Uint8Array.from({ length: 80 }, (_, at) => (at * 167 + 13) & 255);
    for (let from = 0; from < 9; from++) {
      for (let end = from; end <= bytes.length; end++) {
        const part = bytes.subarray(from, end);
        const cut = (end - from) >> 1;
        expect(crc32c(part)).toBe(plain(part));
        expect(crc32c(part.subarray(cut), crc32c(part.subarray(0, cut)))).toBe(plain(part));
      }
    }
  });
});
