import type { Layout } from "./layout.ts";

/** What a C value is in JavaScript. */
export type Value = number | bigint | boolean | Uint8Array | Value[] | { [field: string]: Value };

/**
 * Between JavaScript values and the bytes of one C type.
 *
 * 64-bit integers and pointers are bigint, smaller ones and enums number, arrays of bytes
 * Uint8Array, other arrays arrays, structs objects. Encoding takes number or bigint where either
 * fits, shorter byte arrays (the rest is 0) and objects that lack fields (they are 0); a value
 * that does not fit throws RangeError, one of the wrong kind TypeError, both with the path to it.
 */
export interface Codec<T> {
  readonly size: number;
  /** Into `out` at `offset`, or into bytes of its own; returns the bytes that hold the value. */
  encode(value: T, out?: Uint8Array, offset?: number): Uint8Array;
  decode(bytes: Uint8Array, offset?: number): T;
}

type Write = (view: DataView, offset: number, value: Value, path: string) => void;
type Read = (view: DataView, offset: number) => Value;

interface Coder {
  write: Write;
  read: Read;
}

export function codecOf<T>(layout: Layout, name: string): Codec<T> {
  const coder = coderOf(layout);
  const { size } = layout;
  return {
    size,
    encode(value, out = new Uint8Array(size), offset = 0) {
      const place = out.subarray(offset, offset + size);
      if (place.length < size)
        throw new RangeError(`${name} takes ${size} bytes, ${place.length} are left`);
      place.fill(0);
      coder.write(new DataView(place.buffer, place.byteOffset, size), 0, value as Value, name);
      return place;
    },
    decode(bytes, offset = 0) {
      if (bytes.length - offset < size) {
        throw new RangeError(`${name} takes ${size} bytes, ${bytes.length - offset} are left`);
      }
      return coder.read(new DataView(bytes.buffer, bytes.byteOffset + offset, size), 0) as T;
    },
  };
}

function coderOf(layout: Layout): Coder {
  switch (layout.kind) {
    case "struct":
    case "union":
      return structCoder(layout);
    case "array":
      return arrayCoder(layout);
    case "bool":
      return boolCoder(layout);
    case "float":
      return floatCoder(layout);
    case "bitfield":
      return bitfieldCoder(layout);
    case "enum":
      return intCoder(layout.size, layout.signed ?? false);
    case "pointer":
      return intCoder(layout.size, false);
    default:
      return intCoder(layout.size, layout.kind.startsWith("s"));
  }
}

function integer(value: Value, bits: number, signed: boolean, path: string): bigint {
  if (typeof value === "number" ? !Number.isInteger(value) : typeof value !== "bigint") {
    throw new TypeError(`${path}: an integer is wanted, not ${describe(value)}`);
  }
  const wide = BigInt(value as number | bigint);
  if (wide !== (signed ? BigInt.asIntN(bits, wide) : BigInt.asUintN(bits, wide))) {
    throw new RangeError(`${path}: ${wide} does not fit into ${signed ? "s" : "u"}${bits}`);
  }
  return wide;
}

function describe(value: Value): string {
  if (typeof value !== "object") return `${typeof value} ${String(value)}`;
  return value === null || value === undefined
    ? "nothing"
    : Array.isArray(value)
      ? "an array"
      : "an object";
}

function intCoder(size: number, signed: boolean): Coder {
  const bits = size * 8;
  const check: Write = (view, offset, value, path) => {
    const wide = integer(value, bits, signed, path);
    if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, wide), true);
    else if (size === 4) view.setUint32(offset, Number(wide), true);
    else if (size === 2) view.setUint16(offset, Number(wide), true);
    else view.setUint8(offset, Number(wide));
  };
  return { write: check, read: intRead(size, signed) };
}

function intRead(size: number, signed: boolean): Read {
  switch (size) {
    case 8:
      return signed
        ? (view, at) => view.getBigInt64(at, true)
        : (view, at) => view.getBigUint64(at, true);
    case 4:
      return signed
        ? (view, at) => view.getInt32(at, true)
        : (view, at) => view.getUint32(at, true);
    case 2:
      return signed
        ? (view, at) => view.getInt16(at, true)
        : (view, at) => view.getUint16(at, true);
    default:
      return signed ? (view, at) => view.getInt8(at) : (view, at) => view.getUint8(at);
  }
}

function boolCoder(layout: Layout): Coder {
  const int = intCoder(layout.size, false);
  return {
    read: (view, at) => Number(int.read(view, at)) !== 0,
    write(view, at, value, path) {
      if (value !== true && value !== false && value !== 0 && value !== 1) {
        throw new TypeError(`${path}: a boolean is wanted, not ${describe(value)}`);
      }
      int.write(view, at, Number(value), path);
    },
  };
}

function floatCoder(layout: Layout): Coder {
  const wide = layout.size === 8;
  return {
    read: (view, at) => (wide ? view.getFloat64(at, true) : view.getFloat32(at, true)),
    write(view, at, value, path) {
      if (typeof value !== "number")
        throw new TypeError(`${path}: a number is wanted, not ${describe(value)}`);
      if (wide) view.setFloat64(at, value, true);
      else view.setFloat32(at, value, true);
    },
  };
}

function bitfieldCoder(layout: Layout): Coder {
  const shift = BigInt(layout.bitOffset ?? 0);
  const width = layout.bitWidth ?? 0;
  const mask = ((1n << BigInt(width)) - 1n) << shift;
  const whole = (view: DataView, at: number): bigint => {
    let bits = 0n;
    for (let i = layout.size - 1; i >= 0; i--) bits = (bits << 8n) | BigInt(view.getUint8(at + i));
    return bits;
  };
  return {
    read(view, at) {
      const value = (whole(view, at) & mask) >> shift;
      return width > 32 ? value : Number(value);
    },
    write(view, at, value, path) {
      let bits = (whole(view, at) & ~mask) | (integer(value, width, false, path) << shift);
      for (let i = 0; i < layout.size; i++, bits >>= 8n)
        view.setUint8(at + i, Number(bits & 0xffn));
    },
  };
}

function arrayCoder(layout: Layout): Coder {
  const length = layout.length ?? 0;
  const element = layout.element as Layout;
  if (element.size === 1 && element.kind !== "bool") return bytesCoder(length);
  const coder = coderOf(element);
  return {
    read: (view, at) => Array.from({ length }, (_, i) => coder.read(view, at + i * element.size)),
    write(view, at, value, path) {
      if (!Array.isArray(value))
        throw new TypeError(`${path}: an array is wanted, not ${describe(value)}`);
      if (value.length > length)
        throw new RangeError(`${path}: ${value.length} elements, room for ${length}`);
      value.forEach((item, i) => coder.write(view, at + i * element.size, item, `${path}[${i}]`));
    },
  };
}

function bytesCoder(length: number): Coder {
  return {
    // A copy: the bytes it was read from are the caller's to use again.
    read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, length).slice(),
    write(view, at, value, path) {
      // Not by instanceof: the array may come from another vm context.
      const bytes =
        ArrayBuffer.isView(value) || Array.isArray(value)
          ? Uint8Array.from(value as Uint8Array)
          : undefined;
      if (!bytes) throw new TypeError(`${path}: bytes are wanted, not ${describe(value)}`);
      if (bytes.length > length)
        throw new RangeError(`${path}: ${bytes.length} bytes, room for ${length}`);
      new Uint8Array(view.buffer, view.byteOffset + at, length).set(bytes);
    },
  };
}

function structCoder(layout: Layout): Coder {
  const fields = (layout.fields ?? []).map((field) => ({ ...field, ...coderOf(field) }));
  const byName = new Map(fields.map((field) => [field.name, field]));
  return {
    read(view, at) {
      const object: { [field: string]: Value } = {};
      for (const field of fields) object[field.name] = field.read(view, at + field.offset);
      return object;
    },
    write(view, at, value, path) {
      if (
        typeof value !== "object" ||
        value === null ||
        ArrayBuffer.isView(value) ||
        Array.isArray(value)
      ) {
        throw new TypeError(`${path}: an object is wanted, not ${describe(value)}`);
      }
      for (const [name, part] of Object.entries(value)) {
        const field = byName.get(name);
        if (!field)
          throw new TypeError(
            `${path} has no field ${name}; it has ${[...byName.keys()].join(", ")}`,
          );
        field.write(view, at + field.offset, part, `${path}.${name}`);
      }
    },
  };
}
