import { readFileSync, writeFileSync } from "node:fs";

const executable = 4;
/** r0 = *(u32 *)(r9 + 0), where nothing is in r9 yet. */
const wrongInstruction = Uint8Array.of(0x61, 0x90, 0, 0, 0, 0, 0, 0);

/** A copy of an object whose programs begin with something that no verifier lets pass. */
export function writeBrokenObject(source: string, target: string): void {
  const bytes = readFileSync(source);
  const tableAt = Number(bytes.readBigUInt64LE(0x28));
  const entryBytes = bytes.readUInt16LE(0x3a);
  const entries = bytes.readUInt16LE(0x3c);
  for (let entry = 0; entry < entries; entry++) {
    const header = bytes.subarray(tableAt + entry * entryBytes);
    const flags = header.readBigUInt64LE(8);
    const size = Number(header.readBigUInt64LE(32));
    if ((Number(flags) & executable) === 0 || size === 0) continue;
    bytes.set(wrongInstruction, Number(header.readBigUInt64LE(24)));
  }
  writeFileSync(target, bytes);
}
