import type { ColumnBuilder } from "./column.ts";
import {
  AddressColumn,
  EnumColumn,
  FloatColumn,
  Integer64Column,
  IntegerColumn,
  type SmallInteger,
} from "./fixed.ts";
import { ArrayColumn, MapColumn, NullableColumn, TupleColumn } from "./nested.ts";
import { DictionaryColumn, StringColumn } from "./text.ts";

const smallIntegers: Record<string, SmallInteger> = {
  UInt8: "UInt8",
  Int8: "Int8",
  UInt16: "UInt16",
  Int16: "Int16",
  UInt32: "UInt32",
  Int32: "Int32",
  Bool: "UInt8",
  DateTime: "UInt32",
};

/** The builder for a ClickHouse type. Throws TypeError for a type that weir has no use for. */
export function columnBuilder(type: string, capacityRows: number): ColumnBuilder {
  const { name, parameters } = splitType(type);
  const small = smallIntegers[name];
  if (small !== undefined) return new IntegerColumn(small, capacityRows);
  const inner = (at: number) => columnBuilder(innerType(parameters[at] ?? ""), capacityRows);
  switch (name) {
    case "UInt64":
    case "Int64":
    case "DateTime64":
      return new Integer64Column(capacityRows);
    case "Float64":
      return new FloatColumn();
    case "IPv6":
      return new AddressColumn(capacityRows);
    case "String":
      return new StringColumn();
    case "Enum8":
      return new EnumColumn(enumSymbols(type), capacityRows);
    case "LowCardinality":
      if (parameters[0] === "String") return new DictionaryColumn(capacityRows);
      break;
    case "Array":
      return new ArrayColumn(inner(0), capacityRows);
    case "Map":
      return new MapColumn(inner(0), inner(1), capacityRows);
    case "Tuple":
      return new TupleColumn(parameters.map((_, at) => inner(at)));
    case "Nullable":
      return new NullableColumn(inner(0), emptyOf(parameters[0] ?? ""), capacityRows);
    default:
  }
  throw new TypeError(`there is no column builder for ${type}`);
}

/** Symbols and codes of an Enum8 that is written out: Enum8('a' = 0, 'b' = 1). */
export function enumSymbols(type: string): Map<string, number> {
  const symbols = new Map<string, number>();
  for (const [, symbol, code] of type.matchAll(/'([^']*)'\s*=\s*(-?\d+)/g))
    symbols.set(symbol ?? "", Number(code));
  if (symbols.size === 0) throw new TypeError(`${type} names no symbols`);
  return symbols;
}

function splitType(type: string): { name: string; parameters: string[] } {
  const open = type.indexOf("(");
  if (open < 0) return { name: type, parameters: [] };
  const parameters: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = start; at < type.length; at++) {
    const char = type[at];
    if (char === "(") depth++;
    else if (char === ")" && depth > 0) depth--;
    else if ((char === "," && depth === 0) || (char === ")" && depth === 0)) {
      parameters.push(type.slice(start, at).trim());
      start = at + 1;
    }
  }
  return { name: type.slice(0, open), parameters };
}

/** `name Type` in a named tuple, else the type itself. */
function innerType(parameter: string): string {
  return /^[a-z_]\w* (.+)$/.exec(parameter)?.[1] ?? parameter;
}

function emptyOf(type: string): unknown {
  if (/^(LowCardinality\()?String/.test(type)) return "";
  return type === "IPv6" ? new Uint8Array(16) : 0;
}
