import { buffer } from "node:stream/consumers";
import zlib from "node:zlib";
import { contentBytesOf, discard, pack, unpackZstd } from "./packing.ts";

const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at % 251));
const lengths = [0, 1, 200, 255, 256, 257, 16_384, 65_791, 65_792, 65_793, 700_000];

/** As a producer packs it that does not know beforehand how much will come. */
function streamed(value: Buffer): Promise<Buffer> {
  const packer = zlib.createZstdCompress();
  const whole = buffer(packer);
  packer.write(value.subarray(0, 10));
  packer.flush(() => packer.end(value.subarray(10)));
  return whole;
}

describe("packing", () => {
  it.each(lengths)("gives %i bytes back, and the frame says how many", async (length) => {
    const packed = pack("zstd", bytes(length));
    expect((await unpackZstd(packed)).equals(bytes(length))).toBe(true);
    if (packed.length >= 18) expect(contentBytesOf(packed)).toBe(length);
  });

  it("gives back the memory of its own, and of no buffer that others have pieces of", () => {
    const packed = pack("gzip", bytes(700_000));
    discard(packed);
    expect(packed.buffer.byteLength).toBe(0);
    const [piece, other] = [Buffer.from("a piece"), Buffer.from("of another")];
    discard(piece);
    discard(pack("zstd", bytes(200)));
    expect(piece.toString()).toBe("a piece");
    expect(other.toString()).toBe("of another");
  });

  it("unpacks a frame that does not say how much it holds", async () => {
    const value = bytes(700_000);
    const packed = await streamed(value);
    expect(contentBytesOf(packed)).toBeUndefined();
    expect((await unpackZstd(packed)).equals(value)).toBe(true);
  });

  it("makes no room for what a frame only claims, and rejects what is none", async () => {
    const packed = Buffer.from(pack("zstd", bytes(700_000)));
    expect(packed.readUInt8(4) >> 6).toBe(2);
    const at = packed.readUInt8(4) & 0x20 ? 5 : 6;
    packed.writeUInt32LE(0xffff_ffff, at);
    expect(contentBytesOf(packed)).toBe(0xffff_ffff);
    await expect(unpackZstd(packed)).rejects.toThrow();
    await expect(unpackZstd(Buffer.alloc(100, 7))).rejects.toThrow();
  });
});
