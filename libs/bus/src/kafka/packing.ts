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

const zstdDecompress = promisify(zlib.zstdDecompress);

export function unpackZstd(bytes: Uint8Array): Promise<Buffer> {
  const chunkSize = Math.min(Math.max(16 * kib, 4 * bytes.length), 256 * kib);
  return zstdDecompress(bytes, { maxOutputLength: maxUnpackedBytes, chunkSize });
}
