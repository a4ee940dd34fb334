import { readFileSync } from "node:fs";

/** AT_PAGESZ of getauxval(3). */
const pageSizeEntry = 6n;
const entryBytes = 16;

/** Bytes of a memory page, as the kernel told this process: 4 KiB on x86-64, up to 64 KiB on arm64. */
export function pageSize(auxiliary: Uint8Array = readFileSync("/proc/self/auxv")): number {
  const view = new DataView(auxiliary.buffer, auxiliary.byteOffset, auxiliary.byteLength);
  for (let at = 0; at + entryBytes <= view.byteLength; at += entryBytes) {
    if (view.getBigUint64(at, true) === pageSizeEntry)
      return Number(view.getBigUint64(at + 8, true));
  }
  throw new Error("/proc/self/auxv does not name the size of a page");
}
