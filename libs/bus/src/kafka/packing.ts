import { promisify } from "node:util";
import zlib from "node:zlib";

export type Packing = "none" | "gzip" | "zstd";

/** A block that unpacks to more than this is an attack or a mistake. */
const maxUnpackedBytes = 256 << 20;

const kib = 1024;

/**
 * Blocks of flows: level 1 takes half the time of the default, 3, and 2% more bytes. With the size
 * known zstd asks for a tenth of the memory, and what comes out fits one chunk.
 */
export function pack(packing: "gzip" | "zstd", bytes: Uint8Array): Buffer {
  const chunkSize = Math.max(16 * kib, bytes.length >> 1);
  if (packing === "gzip") return zlib.gzipSync(bytes, { chunkSize });
  return zlib.zstdCompressSync(bytes, {
    params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 },
    pledgedSrcSize: bytes.length,
    chunkSize,
  });
}

/**
 * Gives back what was packed, once it is copied and nobody has it any more. Left to the garbage, some
 * megabytes a second of it have the whole heap gone through every other second.
 */
export function discard({ buffer }: Buffer): void {
  // Smaller ones are pieces of a buffer that others have theirs of.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}

const zstdDecompress = promisify(zlib.zstdDecompress);

/** What a frame says it unpacks to is believed up to here, which is what a fetch brings at most. */
const believedBytes = 16 << 20;

export function unpackZstd(bytes: Uint8Array): Promise<Buffer> {
  const said = contentBytesOf(bytes);
  // All in one chunk, and a byte more: a chunk that is full would call for another, and a copy.
  const chunkSize =
    said !== undefined && said <= believedBytes
      ? Math.max(kib, said + 1)
      : Math.min(Math.max(16 * kib, 4 * bytes.length), 256 * kib);
  return zstdDecompress(bytes, { maxOutputLength: maxUnpackedBytes, chunkSize });
}

/** Of a frame of zstd (RFC 8878, 3.1.1.1); undefined where it does not say, or is none. */
export function contentBytesOf(frame: Uint8Array): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 18 || view.getUint32(0, true) !== 0xfd2fb528) return undefined;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  switch (descriptor >> 6) {
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    case 3:
      return Number(view.getBigUint64(at, true));
    default:
      return isSingleSegment ? view.getUint8(at) : undefined;
  }
}
