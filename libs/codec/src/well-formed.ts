import avro from "avsc";
import { CodecError } from "./error.ts";

/**
 * Walks an encoded value without building it. avsc checks the length only after it has read
 * everything, so a few bytes that claim a billion items would cost a billion objects first. After
 * this walk every count and length is known to be covered by bytes that are there.
 */
export function checkWellFormed(
  name: string,
  type: avro.Type,
  bytes: Uint8Array,
  start: number,
): void {
  const cursor: Cursor = { name, bytes, offset: start, path: [] };
  walk(cursor, type);
  if (cursor.offset !== bytes.length) {
    fail(cursor, cursor.offset, `${bytes.length - cursor.offset} bytes follow the record`);
  }
}

interface Cursor {
  name: string;
  bytes: Uint8Array;
  offset: number;
  path: string[];
}

function fail(cursor: Cursor, offset: number, what: string): never {
  const field = cursor.path.join(".");
  throw new CodecError(cursor.name, offset, field === "" ? what : `${field}: ${what}`);
}

function walk(cursor: Cursor, type: avro.Type): void {
  if (type instanceof avro.types.LogicalType) return walk(cursor, type.underlyingType);
  if (type instanceof avro.types.RecordType) return walkRecord(cursor, type);
  if (type instanceof avro.types.ArrayType) return walkBlocks(cursor, type.itemsType, false);
  if (type instanceof avro.types.MapType) return walkBlocks(cursor, type.valuesType, true);
  if (type instanceof avro.types.EnumType) {
    return void index(cursor, type.symbols.length, "symbols");
  }
  if (type instanceof avro.types.FixedType) return take(cursor, type.size);
  if (type.typeName.startsWith("union")) {
    const branches = (type as avro.types.UnwrappedUnionType).types;
    return walk(cursor, branches[index(cursor, branches.length, "branches")] as avro.Type);
  }
  switch (type.typeName) {
    case "null":
      return;
    case "boolean":
      return take(cursor, 1);
    case "int":
      return integer(cursor, 2 ** 31);
    case "long":
      return integer(cursor, 2 ** 53);
    case "string":
    case "bytes":
      return take(cursor, length(cursor));
    default:
      throw new Error(`${cursor.name} uses Avro ${type.typeName}: teach libs/codec to check it`);
  }
}

function walkRecord(cursor: Cursor, type: avro.types.RecordType): void {
  for (const field of type.fields) {
    cursor.path.push(field.name);
    walk(cursor, field.type);
    cursor.path.pop();
  }
}

/** Arrays and maps: blocks of a count and items; a negative count says the block's size first. */
function walkBlocks(cursor: Cursor, items: avro.Type, keyed: boolean): void {
  for (;;) {
    const at = cursor.offset;
    let count = long(cursor);
    if (count === 0) return;
    let end = -1;
    if (count < 0) {
      count = -count;
      const size = length(cursor);
      end = cursor.offset + size;
    }
    // An item takes a byte at least: no type of these contracts is empty.
    if (count > cursor.bytes.length - cursor.offset) {
      fail(
        cursor,
        at,
        `counts ${count} items, ${cursor.bytes.length - cursor.offset} bytes are left`,
      );
    }
    for (let item = 0; item < count; item++) {
      if (keyed) take(cursor, length(cursor));
      walk(cursor, items);
    }
    if (end !== -1 && end !== cursor.offset) fail(cursor, at, "the block's size is not its items'");
  }
}

function index(cursor: Cursor, count: number, of: string): number {
  const at = cursor.offset;
  const value = long(cursor);
  if (value < 0 || value >= count) fail(cursor, at, `index ${value} of ${count} ${of}`);
  return value;
}

function integer(cursor: Cursor, limit: number): void {
  const at = cursor.offset;
  const value = long(cursor);
  if (value < -limit || value >= limit) fail(cursor, at, "integer out of range");
}

function length(cursor: Cursor): number {
  const at = cursor.offset;
  const value = long(cursor);
  if (value < 0) fail(cursor, at, `negative length ${value}`);
  return value;
}

function take(cursor: Cursor, count: number): void {
  const left = cursor.bytes.length - cursor.offset;
  if (count > left) fail(cursor, cursor.offset, `needs ${count} bytes, ${left} are left`);
  cursor.offset += count;
}

function long(cursor: Cursor): number {
  const at = cursor.offset;
  let magnitude = 0;
  let scale = 1;
  let negative = false;
  for (let count = 0; ; count++) {
    const byte = cursor.bytes[cursor.offset];
    if (byte === undefined) fail(cursor, cursor.offset, "ends within a number");
    cursor.offset++;
    if (count === 0) {
      negative = (byte & 1) === 1;
      magnitude = (byte & 0x7f) >> 1;
      scale = 64;
    } else {
      magnitude += (byte & 0x7f) * scale;
      scale *= 128;
    }
    if (byte < 128) break;
    if (count === 8) fail(cursor, at, "number past 2^53");
  }
  if (magnitude > Number.MAX_SAFE_INTEGER) fail(cursor, at, "number past 2^53");
  return negative ? -magnitude - 1 : magnitude;
}
