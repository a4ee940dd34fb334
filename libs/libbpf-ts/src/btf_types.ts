/** Reads the type section of BTF, as Documentation/bpf/btf.rst has it. Bytes in, plain objects out. */

export interface Member {
  name: string;
  typeId: number;
  /** From the start of the struct. */
  bitOffset: number;
  /** 0 when the member is no bit field. */
  bitWidth: number;
}

export type BtfType =
  | { kind: "void" | "other"; name: string }
  | { kind: "int"; name: string; size: number; signed: boolean; bool: boolean }
  | { kind: "float"; name: string; size: number }
  | { kind: "pointer"; name: string }
  | { kind: "array"; name: string; elementId: number; length: number }
  | { kind: "struct" | "union"; name: string; size: number; members: Member[] }
  | { kind: "enum"; name: string; size: number; signed: boolean; values: Map<string, bigint> }
  | { kind: "alias"; name: string; typeId: number; typedef: boolean }
  | { kind: "variable"; name: string; typeId: number }
  | {
      kind: "section";
      name: string;
      size: number;
      variables: { typeId: number; offset: number; size: number }[];
    };

const magic = 0xeb9f;
const headerBytes = 24;

/** Types by id; id 0 is void. Throws RangeError where the bytes are not BTF of this byte order. */
export function readTypes(bytes: Uint8Array): BtfType[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < headerBytes || view.getUint16(0, true) !== magic) {
    throw new RangeError("not BTF of this machine's byte order: the magic number is missing");
  }
  const header = view.getUint32(4, true);
  const from = header + view.getUint32(8, true);
  const to = from + view.getUint32(12, true);
  const strings = header + view.getUint32(16, true);
  if (to > bytes.byteLength || strings > bytes.byteLength)
    throw new RangeError("BTF ends before its sections do");
  const reader = new TypeReader(view, from, (offset) => stringAt(bytes, strings + offset));
  const types: BtfType[] = [{ kind: "void", name: "void" }];
  while (reader.at < to) types.push(reader.next());
  return types;
}

function stringAt(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end < 0 ? undefined : end));
}

class TypeReader {
  at: number;
  readonly #view: DataView;
  readonly #string: (offset: number) => string;

  constructor(view: DataView, at: number, string: (offset: number) => string) {
    this.#view = view;
    this.at = at;
    this.#string = string;
  }

  next(): BtfType {
    const name = this.#string(this.#u32());
    const info = this.#u32();
    const size = this.#u32();
    const count = info & 0xffff;
    const flag = info >>> 31 === 1;
    switch ((info >>> 24) & 0x1f) {
      case 1:
        return this.#int(name, size);
      case 2:
        return { kind: "pointer", name };
      case 3:
        return this.#array(name);
      case 4:
        return {
          kind: "struct",
          name,
          size,
          members: this.#times(count, () => this.#member(flag)),
        };
      case 5:
        return { kind: "union", name, size, members: this.#times(count, () => this.#member(flag)) };
      case 6:
        return this.#enum(name, size, count, flag, 4);
      case 8:
        return { kind: "alias", name, typeId: size, typedef: true };
      case 9: // volatile
      case 10: // const
      case 11: // restrict
      case 18: // type tag
        return { kind: "alias", name, typeId: size, typedef: false };
      case 13: // function prototype
        this.at += count * 8;
        return { kind: "other", name };
      case 14:
        this.at += 4;
        return { kind: "variable", name, typeId: size };
      case 15:
        return {
          kind: "section",
          name,
          size,
          variables: this.#times(count, () => this.#variable()),
        };
      case 16:
        return { kind: "float", name, size };
      case 17: // declaration tag
        this.at += 4;
        return { kind: "other", name };
      case 19:
        return this.#enum(name, size, count, flag, 8);
      case 7: // forward declaration
      case 12: // function
        return { kind: "other", name };
      default:
        throw new RangeError(`BTF kind ${(info >>> 24) & 0x1f} is newer than this package`);
    }
  }

  #u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }

  #times<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read);
  }

  #int(name: string, size: number): BtfType {
    const encoding = (this.#u32() >>> 24) & 0xf;
    return { kind: "int", name, size, signed: (encoding & 1) !== 0, bool: (encoding & 4) !== 0 };
  }

  #array(name: string): BtfType {
    const elementId = this.#u32();
    this.at += 4; // the type of the index
    return { kind: "array", name, elementId, length: this.#u32() };
  }

  #member(flag: boolean): Member {
    const name = this.#string(this.#u32());
    const typeId = this.#u32();
    const offset = this.#u32();
    return flag
      ? { name, typeId, bitOffset: offset & 0xffffff, bitWidth: offset >>> 24 }
      : { name, typeId, bitOffset: offset, bitWidth: 0 };
  }

  #enum(name: string, size: number, count: number, signed: boolean, valueBytes: 4 | 8): BtfType {
    const values = new Map<string, bigint>();
    for (let i = 0; i < count; i++) {
      const symbol = this.#string(this.#u32());
      const low = BigInt(this.#u32());
      const raw = valueBytes === 8 ? low | (BigInt(this.#u32()) << 32n) : low;
      values.set(symbol, signed ? BigInt.asIntN(valueBytes * 8, raw) : raw);
    }
    return { kind: "enum", name, size, signed, values };
  }

  #variable(): { typeId: number; offset: number; size: number } {
    return { typeId: this.#u32(), offset: this.#u32(), size: this.#u32() };
  }
}
