import { closeSync, openSync, readSync } from "node:fs";

interface Section {
  type: number;
  link: number;
  address: bigint;
  offset: number;
  size: number;
}

const symbolTables = new Set([2, 11]); // SHT_SYMTAB, SHT_DYNSYM
const symbolBytes = 24;
const functionType = 2;
const maxSymbolBytes = 512 * 1024 * 1024;

/**
 * Where in a 64-bit little-endian ELF file a function's code lies: the offset a uprobe wants.
 * Throws RangeError when the file has no such function, or is no such file.
 */
export function functionOffset(path: string, symbol: string): number {
  const fd = openSync(path, "r");
  try {
    const sections = readSections(fd, path);
    for (const table of sections.filter((section) => symbolTables.has(section.type))) {
      const strings = sections[table.link];
      const address = strings && findFunction(read(fd, table), read(fd, strings), symbol);
      if (address !== undefined) return addressToOffset(sections, address.section, address.value);
    }
  } finally {
    closeSync(fd);
  }
  throw new RangeError(
    `${path} has no function ${symbol}; is it stripped? Pass the offset instead`,
  );
}

function readSections(fd: number, path: string): Section[] {
  const header = Buffer.alloc(64);
  readSync(fd, header, 0, 64, 0);
  if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) {
    throw new RangeError(`${path} is no 64-bit little-endian ELF file`);
  }
  const entry = header.readUInt16LE(58);
  const count = header.readUInt16LE(60);
  const table = readAt(fd, Number(header.readBigUInt64LE(40)), entry * count);
  return Array.from({ length: count }, (_, i) => {
    const at = i * entry;
    return {
      type: table.readUInt32LE(at + 4),
      address: table.readBigUInt64LE(at + 16),
      offset: Number(table.readBigUInt64LE(at + 24)),
      size: Number(table.readBigUInt64LE(at + 32)),
      link: table.readUInt32LE(at + 40),
    };
  });
}

function read(fd: number, section: Section): Buffer {
  return readAt(fd, section.offset, section.size);
}

function readAt(fd: number, offset: number, length: number): Buffer {
  if (length > maxSymbolBytes)
    throw new RangeError(`an ELF section of ${length} bytes is not read`);
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, bytes, filled, length - filled, offset + filled);
    if (count === 0) throw new RangeError("the ELF file ends before its sections do");
    filled += count;
  }
  return bytes;
}

function findFunction(
  table: Buffer,
  strings: Buffer,
  symbol: string,
): { value: bigint; section: number } | undefined {
  const wanted = Buffer.from(`${symbol}\0`);
  for (let at = 0; at + symbolBytes <= table.length; at += symbolBytes) {
    const section = table.readUInt16LE(at + 6);
    if (((table[at + 4] ?? 0) & 0xf) !== functionType || section === 0) continue;
    const name = table.readUInt32LE(at);
    if (strings.subarray(name, name + wanted.length).equals(wanted)) {
      return { value: table.readBigUInt64LE(at + 8), section };
    }
  }
  return undefined;
}

function addressToOffset(sections: Section[], index: number, address: bigint): number {
  const section = sections[index];
  if (!section) throw new RangeError(`an ELF symbol is in section ${index}, which is not there`);
  return Number(address - section.address) + section.offset;
}
